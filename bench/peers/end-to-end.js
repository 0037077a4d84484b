import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bertNormalizer, bertPreTokenizer, bertProcessing, Tokenizer, WordPiece } from 'tokenizers';
import { bert } from '../../dist/models/bert.js';
import { saveTransformer } from '../../dist/models/checkpoint.js';
import { initialize } from '../../dist/models/initialize.js';
import { Random } from '../../dist/util/random.js';
import { bertBase } from './cases.js';

const CLI = fileURLToPath(new URL('../../bin/recipe.js', import.meta.url));
const VOCABULARY = 30522;
const LABELS = ['L0', 'L1'];

/** A tokenizer whose every word is a token, so that texts of known lengths can be made. */
async function makeTokenizer(folder) {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const words = [...special, ...Array.from({ length: VOCABULARY - special.length }, (_, i) => `w${i}`)];
  const model = WordPiece.init(Object.fromEntries(words.map((word, i) => [word, i])), { unkToken: '[UNK]' });
  const tokenizer = new Tokenizer(model);
  tokenizer.setNormalizer(bertNormalizer({}));
  tokenizer.setPreTokenizer(bertPreTokenizer());
  tokenizer.setPostProcessor(bertProcessing(['[SEP]', 3], ['[CLS]', 2]));
  tokenizer.addSpecialTokens(special);
  await mkdir(folder, { recursive: true });
  tokenizer.save(join(folder, 'tokenizer.json'));
}

async function makeModel(folder, config, tokenizer, seed) {
  await mkdir(folder, { recursive: true });
  const parameters = initialize(bert.parameters(config), seed);
  await saveTransformer(folder, { config, labels: LABELS, parameters }, tokenizer, { rows: 0, labelled: 0 });
}

const recipe = (epochs, precision) => `version: 1
name: end-to-end
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
  big: { uses: import-model, with: { model: ./teacher } }
  small: { uses: import-model, with: { model: ./student } }
  logits:
    uses: cache-logits
    cache: false
    with:
      teacher: \${{ steps.big.outputs.model }}
      data: \${{ steps.corpus.outputs.train }}
      hidden_states: [0, 3, 6, 9, 12]
      max_bytes: 100000000000${precision}
  distil:
    uses: train
    cache: false
    with:
      data: \${{ steps.corpus.outputs.train }}
      init: \${{ steps.small.outputs.model }}
      teacher: \${{ steps.logits.outputs.logits }}
      model: { type: pretrained, dropout: 0.1 }
      stages:
        - objectives:
            - { type: soft-label, temperature: 4 }
            - { type: hidden-states, layer_map: uniform, projection: per-layer }
          epochs: ${epochs}
          learning_rate: 0.00005
`;

/**
 * A recipe that runs a BERT-base teacher over rows once and distils a TinyBERT-4 from what it said, through the command
 * line as a user does.
 *
 * @param lengths tokens of each row
 * @returns seconds of the teacher's pass and of the student's epochs, and of the whole command
 */
export async function endToEnd(folder, lengths, epochs, precision = '') {
  if (!existsSync(folder)) {
    const tokenizer = join(folder, 'tokenizer');
    await makeTokenizer(tokenizer);
    await makeModel(join(folder, 'teacher'), bertBase(), tokenizer, 1);
    const shape = { type: 'bert', head: 'classifier', padId: 0, vocabulary: VOCABULARY, labels: 2, dropout: 0.1 };
    const tiny = { layers: 4, hidden: 312, heads: 12, kvHeads: 12, intermediate: 1200, maxLength: 512 };
    await makeModel(join(folder, 'student'), bert.scratch({ ...shape, ...tiny }), tokenizer, 2);
    const random = new Random(1, 'rows');
    const rows = lengths.map((n, i) => {
      const text = Array.from({ length: n - 2 }, () => `w${random.below(VOCABULARY - 5)}`).join(' ');
      return JSON.stringify({ text, label: LABELS[i % 2] });
    });
    await writeFile(join(folder, 'rows.jsonl'), `${rows.join('\n')}\n`);
  }
  const file = join(folder, 'recipe.yaml');
  await writeFile(file, recipe(epochs, precision));
  const started = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'run', file, '--reporter', 'json'], {
    cwd: folder,
    maxBuffer: 2 ** 28,
  });
  const total = (performance.now() - started) / 1000;
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const finished = (step) => events.find((e) => e.type === 'step-finished' && e.step === step);
  return {
    total,
    teacher: finished('logits').seconds,
    student: finished('distil').seconds,
    peakMiB: Math.max(finished('logits').peakMemory, finished('distil').peakMemory) / 2 ** 20,
  };
}
