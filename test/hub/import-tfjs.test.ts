import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEmbedder } from '../../src/models/embedders.js';
import { loadPredictor } from '../../src/models/index.js';
import { importModel } from '../../src/steps/import-model.js';
import type { JsonObject } from '../../src/util/json.js';
import { expectClose } from '../backend/rig.js';
import {
  denseGraph,
  expected,
  type Graph,
  sparseGraph,
  VOCABULARY,
  WIDTH,
  weights,
  writeGraph,
} from '../models/imported/tiny-tfjs.js';
import { runStep, type TestContext, temporaryFolder } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, sharedFolder } from '../train/rig.js';

describe('import-model of a TensorFlow.js graph model', async () => {
  const shared = await sharedFolder();
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await makeCorpus(shared, madeUpRows(40, 30));
  });

  const made = async (graph: Graph = sparseGraph()): Promise<string> => {
    const folder = await temporaryFolder();
    await writeGraph(folder, graph);
    return folder;
  };
  const imported = (model: JsonObject): Promise<TestContext> =>
    runStep(importModel, {
      options: { model: { type: 'tfjs', tokenizer: corpus.tokenizerFolder, max_length: 16, ...model } },
    });
  const texts = (): string[] => corpus.rows.map((row) => row.text);
  const ids = async (): Promise<Int32Array[]> => {
    const tokens = await corpus.tokenizer.encode(texts(), 16);
    return texts().map((_, i) => tokens.ids(i));
  };
  const parameters = weights.table.data.length + weights.square.data.length;

  it.each(['onnx', 'cpu'] as const)('is an encoder of what it is fed as a sparse matrix, on %s', async (backend) => {
    const path = await made();
    const { outputs, logs } = await imported({ path });
    await rm(path, { recursive: true });
    expect(logs[0]?.message).toBe('tfjs, 0.0 M parameters, embeddings of 6, 16 tokens of a text');
    const folder = outputs.model as string;
    const encoder = await loadEmbedder(folder, backend, 1);
    expect(encoder).toMatchObject({ type: 'tfjs', width: WIDTH, parameters: parameters + 1 });
    expect(encoder.bytes).toBe(sparseGraph().bytes.length);
    const vectors = await encoder.embed(texts());
    const all = (await ids()).flatMap((text) => expected(text));
    expectClose(vectors, all, 'vectors', 1e-5);
    expectClose(await encoder.embed(texts().slice(7, 8)), vectors.subarray(7 * WIDTH, 8 * WIDTH), 'alone', 1e-6);
    await encoder.close();
    await expect(loadPredictor(folder, backend, 1)).rejects.toMatchObject({ reason: 'no-labels' });
  });

  it.each([
    ['onnx', -1, -1],
    ['cpu', -1, -1],
    ['onnx', 1, 16],
    ['cpu', 8, 24],
  ] as const)(
    'is fed ids and a mask, and gives logits or states, on %s in batches of %i × %i',
    async (backend, batch, length) => {
      const path = await made(denseGraph(batch, length));
      const labels = ['a', 'b', 'c', 'd', 'e', 'f'];
      const classifier = await imported({ path, labels });
      const predictor = await loadPredictor(classifier.outputs.model as string, backend, 1);
      expect(predictor).toMatchObject({ type: 'tfjs', labels, parameters });
      const mean = (text: Int32Array): number[] =>
        Array.from({ length: WIDTH }, (_, k) =>
          text.reduce((sum, id) => sum + (weights.table.data[id * WIDTH + k] as number) / text.length, 0),
        );
      const means = (await ids()).map(mean);
      const logits = means.flatMap((x) =>
        labels.map((_, k) => x.reduce((sum, v, j) => sum + v * (weights.square.data[j * WIDTH + k] as number), 0)),
      );
      expectClose(await predictor.predict(texts()), logits, 'logits', 1e-5);
      await predictor.close();

      const states = await imported({ path, outputs: { hidden: 'last_hidden_state' } });
      const encoder = await loadEmbedder(states.outputs.model as string, backend, 1);
      expectClose(await encoder.embed(texts()), means.flat(), 'means', 1e-5);
      await encoder.close();
    },
  );

  const refused = async (model: JsonObject, message: string | RegExp, hint?: string): Promise<void> => {
    const error = await imported(model).then(
      () => new Error('it was taken'),
      (failure: Error & { hint?: string }) => failure,
    );
    expect(error).toMatchObject({ name: 'StepFailure', message: expect.stringMatching(message) });
    if (hint) expect((error as { hint?: string }).hint).toBe(hint);
  };

  it('says what is wrong with files', async () => {
    const path = await made();
    await refused({}, 'a tfjs model takes either "package" or "path"; it has neither');
    await refused({ path, folder: '../x' }, 'the folder "../x" has to lie in ');
    await refused({ path, folder: 'dist' }, 'there is no .*dist/model.json');
    const text = await readFile(join(path, 'model.json'), 'utf8');
    await writeFile(join(path, 'model.json'), text.replace('weights.bin', '../weights.bin'));
    await refused({ path }, 'keeps weights in ../weights.bin, and there is no such file beside it');
    await writeFile(join(path, 'model.json'), '{"modelTopology": {"model_config": {}}}');
    await refused({ path }, 'model.json is not a TensorFlow.js graph model: it has no "modelTopology" with nodes');
    await writeFile(join(path, 'model.json'), text);
    await writeFile(join(path, 'weights.bin'), 'xy');
    await refused({ path }, /its weights are 2 bytes, and it describes \d+/);
    await rm(join(path, 'weights.bin'));
    await refused({ path }, 'keeps weights in weights.bin, and there is no such file');
    await mkdir(join(path, 'empty'));
    await refused({ path: await made(), tokenizer: join(path, 'empty') }, 'has no tokenizer.json, vocab.txt or merges');
    await writeFile(join(path, 'words.json'), '[["a", -1]]');
    await refused({ path: await made(), tokenizer: join(path, 'words.json') }, 'words.json is no unigram vocabulary');
  });

  it('names an operator that it cannot compute', async () => {
    const path = await made(sparseGraph({ activation: 'Lgamma' }));
    await refused({ path }, 'the graph uses the operator Lgamma, which cannot be computed here');
    // tfjs knows it, and the recording does not.
    const known = await made(sparseGraph({ activation: 'Atanh' }));
    await refused({ path: known }, 'the graph uses the operator Atanh, which cannot be computed here');
  });

  it('sees that a graph counts padding', async () => {
    await refused(
      { path: await made(sparseGraph({ unmasked: true })) },
      /^recorded at fixed shapes, the graph says other things than TensorFlow.js does: they are [\d.]+ apart$/,
    );
  });

  it('says what is wrong with inputs, outputs, labels, lengths and the tokenizer', async () => {
    const path = await made();
    await refused({ path, inputs: { ids: 'x' } }, 'the graph has no input "x"', 'Its inputs are indices, values.');
    await refused({ path, inputs: { ids: 'values' } }, 'nothing is fed to the graph\'s input "indices"');
    await refused(
      { path, inputs: { ids: 'values', mask: 'indices', indices: 'indices' } },
      'a graph is fed ids, ids and mask, or indices and values, and not ids, indices, mask',
    );
    await refused({ path, outputs: { embedding: 'x' } }, 'the graph has no output "x"', 'Its outputs are embedding.');
    const dense = await made(denseGraph());
    await refused(
      { path: dense, outputs: { embedding: 'last_hidden_state' } },
      /^the graph's "last_hidden_state" has the shape \[2,16,6\], and one of 2 axes is needed$/,
    );
    await refused({ path: dense }, 'nothing says what the graph’s logits stand for');
    await refused({ path: await made(denseGraph(1, 8)) }, 'max_length is 16, and the graph reads 8 tokens');
    await refused({ path: dense, labels: ['a', 'b'] }, 'the graph gives 6 logits, and there are 2 labels: a, b');
    const tokenizer = join(corpus.tokenizerFolder, 'tokenizer.json');
    await expect(runStep(importModel, { options: { model: { type: 'tfjs', path, tokenizer } } })).rejects.toMatchObject(
      { message: 'nothing says how many tokens of a text the graph reads' },
    );
    const larger = await temporaryFolder();
    const pieces = Array.from({ length: VOCABULARY + 1 }, (_, i) => [`p${i}`, i === 0 ? 0 : -1]);
    await writeFile(join(larger, 'vocab.json'), JSON.stringify(pieces));
    await refused(
      { path, tokenizer: larger },
      'the tokenizer has 101 tokens, and the graph does not know the last of them',
    );
  });
});
