import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { loadEmbedder } from '../../src/models/embedders.js';
import { loadPredictor } from '../../src/models/index.js';
import { importModel } from '../../src/steps/import-model.js';
import type { JsonObject } from '../../src/util/json.js';
import { expectClose } from '../backend/rig.js';
import { expected, LABELS, type Variant, VOCABULARY, WIDTH, writeTinyOnnx } from '../models/imported/tiny-onnx.js';
import { runStep, type TestContext, temporaryFolder } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, sharedFolder } from '../train/rig.js';

describe('import-model of an ONNX file', async () => {
  const shared = await sharedFolder();
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await makeCorpus(shared, madeUpRows(40, 30));
  });

  const made = async (variant: Variant = {}): Promise<string> => {
    const folder = await temporaryFolder();
    await writeTinyOnnx(folder, variant);
    return folder;
  };
  const imported = (model: JsonObject): Promise<TestContext> =>
    runStep(importModel, {
      options: { model: { type: 'onnx', tokenizer: corpus.tokenizerFolder, max_length: 16, ...model } },
    });
  const texts = (): string[] => corpus.rows.map((row) => row.text);
  const ids = async (most = 16): Promise<Int32Array[]> => {
    const tokens = await corpus.tokenizer.encode(texts(), most);
    return texts().map((_, i) => tokens.ids(i));
  };

  it('is a classifier by its logits, whatever is asked at once', async () => {
    const { outputs, logs } = await imported({ path: await made(), labels: LABELS });
    const folder = outputs.model as string;
    expect(logs[0]?.message).toBe('onnx, 0.0 M parameters, labels ham, spam, news, 16 tokens of a text');
    const predictor = await loadPredictor(folder, 'onnx', 1);
    expect(predictor).toMatchObject({ type: 'onnx', labels: LABELS, parameters: (VOCABULARY + LABELS.length) * WIDTH });
    const logits = await predictor.predict(texts());
    expectClose(
      logits,
      (await ids()).flatMap((text) => expected(text).logits),
      'logits',
      1e-5,
    );
    expectClose(await predictor.predict(texts().slice(5, 6)), logits.subarray(15, 18), 'one alone', 1e-6);
    expect(await predictor.predict([])).toHaveLength(0);
    await predictor.close();
    await expect(loadEmbedder(folder, 'onnx', 1)).rejects.toMatchObject({ reason: 'no-embeddings' });
  });

  it.each([
    ['embedding', 'sentence_embedding', {}],
    ['hidden', 'last_hidden_state', {}],
    ['embedding', 'sentence_embedding', { mask: null }],
    ['embedding', 'sentence_embedding', { batch: 2, length: 16 }],
    ['hidden', 'last_hidden_state', { batch: 1, length: 16, ids: 'tokens', mask: 'real' }],
  ] as const)('is an encoder by its %s (%s), of a graph that is %j', async (says, name, variant) => {
    const path = await made(variant);
    const inputs = 'ids' in variant ? { inputs: { ids: variant.ids, mask: variant.mask } } : {};
    const { outputs } = await imported({ path, ...inputs, outputs: { [says]: name } });
    const folder = outputs.model as string;
    const encoder = await loadEmbedder(folder, 'onnx', 1);
    expect(encoder).toMatchObject({ type: 'onnx', width: WIDTH });
    expectClose(
      await encoder.embed(texts()),
      (await ids()).flatMap((text) => expected(text).embedding),
      says,
      1e-5,
    );
    await encoder.close();
    await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({ reason: 'no-labels' });
  });

  it('gives float16 logits as what they are', async () => {
    const { outputs } = await imported({ path: await made({ half: true }), labels: LABELS });
    const predictor = await loadPredictor(outputs.model as string, 'onnx', 1);
    const all = (await ids()).flatMap((text) => expected(text).logits);
    expectClose(await predictor.predict(texts()), all, 'logits', 1e-3);
    await predictor.close();
  });

  it('takes labels, lengths, the tokenizer and further weights from its folder, and needs it no more', async () => {
    const path = await made({ beside: 'table.bin' });
    await writeFile(
      join(path, 'config.json'),
      JSON.stringify({ id2label: { 1: 'b', 0: 'a', 2: 'c' }, max_position_embeddings: 12 }),
    );
    await writeFile(join(path, 'tokenizer.json'), await readFile(join(corpus.tokenizerFolder, 'tokenizer.json')));
    const { outputs } = await runStep(importModel, { options: { model: { type: 'onnx', path } } });
    await rm(path, { recursive: true });
    const predictor = await loadPredictor(outputs.model as string, 'onnx', 1);
    expect(predictor.labels).toEqual(['a', 'b', 'c']);
    expect(predictor.bytes).toBeGreaterThan(4 * VOCABULARY * WIDTH);
    expectClose(
      await predictor.predict(texts()),
      (await ids(12)).flatMap((text) => expected(text).logits),
      'logits',
      1e-5,
    );
    await predictor.close();
  });

  it('runs on ONNX Runtime alone', async () => {
    const { outputs } = await imported({ path: await made(), labels: LABELS });
    await expect(loadPredictor(outputs.model as string, 'cpu', 1)).rejects.toMatchObject({
      reason: 'backend',
      message: 'backend "cpu" runs no ONNX files',
    });
  });

  const refused = async (model: JsonObject, message: string | RegExp, hint?: string): Promise<void> => {
    const error = await imported(model).then(
      () => new Error('it was taken'),
      (failure: Error & { hint?: string }) => failure,
    );
    expect(error).toMatchObject({ name: 'StepFailure', message: expect.stringMatching(message) });
    if (hint) expect((error as { hint?: string }).hint).toBe(hint);
  };

  it('says what is wrong with files', async () => {
    const path = await made({ beside: 'table.bin' });
    await refused(
      { path, file: 'other.onnx', labels: LABELS },
      'has no other.onnx',
      'It has model.onnx: name one in "file".',
    );
    await refused(
      { path: join(path, 'model.onnx'), labels: LABELS },
      'keeps weights in table.bin beside it',
      'Give the folder as "path", and file: model.onnx.',
    );
    await rm(join(path, 'table.bin'));
    await refused({ path, labels: LABELS }, 'the model keeps weights in table.bin, and .* has no such file');
    await writeFile(join(path, 'model.onnx'), 'no model');
    await refused({ path, labels: LABELS }, 'model.onnx is not an ONNX model: ');
    await refused({ path: await made({ last: 'NoSuchOp' }), labels: LABELS }, 'ONNX Runtime does not load .*NoSuchOp');
    const alone = join(await made(), 'model.onnx');
    await expect(
      runStep(importModel, { options: { model: { type: 'onnx', path: alone, labels: LABELS } } }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('model.onnx needs a "tokenizer"'),
    });
    await mkdir(join(path, 'empty'));
    await refused(
      { path: await made(), labels: LABELS, tokenizer: join(path, 'empty') },
      'has no tokenizer.json, vocab.txt or merges.txt',
    );
  });

  it('says what is wrong with inputs and outputs, and lists those there are', async () => {
    const path = await made();
    const there = 'Its inputs are input_ids, attention_mask.';
    await refused({ path, inputs: { ids: 'x' } }, 'the graph has no input "x"', there);
    await refused({ path, inputs: { ids: 'input_ids' } }, 'nothing is fed to the graph\'s input "attention_mask"');
    await refused({ path: await made({ ids: 'tokens' }) }, 'nothing is fed to the graph\'s input "tokens"');
    await refused(
      { path, outputs: { logits: 'y' } },
      'the graph has no output "y"',
      'Its outputs are logits, sentence_embedding, last_hidden_state.',
    );
    await refused(
      { path, outputs: { embedding: 'last_hidden_state' } },
      'has the shape \\[batch, length, 6\\], and one of 2 axes is needed',
    );
    await refused({ path, outputs: { hidden: 'logits' } }, 'and one of 3 axes is needed');
  });

  it('says what is wrong with labels, lengths and the tokenizer', async () => {
    const path = await made();
    await refused({ path }, 'nothing says what the graph’s logits stand for');
    await refused({ path, labels: ['a', 'b'] }, 'the graph gives 3 logits, and there are 2 labels: a, b');
    await refused(
      { path, outputs: { embedding: 'sentence_embedding' }, labels: LABELS },
      '"labels" are given, and the graph\'s output is mapped as "embedding"',
    );
    await refused(
      { path: await made({ length: 8 }), labels: LABELS },
      'max_length is 16, and the graph reads 8 tokens',
    );
    const { vocabularySize } = await loadTokenizer(corpus.tokenizerFolder);
    const larger = await temporaryFolder();
    const json = JSON.parse(await readFile(join(corpus.tokenizerFolder, 'tokenizer.json'), 'utf8')) as {
      added_tokens: object[];
    };
    const special = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
    for (let id = vocabularySize; id <= VOCABULARY; id++)
      json.added_tokens.push({ id, content: `[NEW ${id}]`, ...special });
    await writeFile(join(larger, 'tokenizer.json'), JSON.stringify(json));
    await refused(
      { path, labels: LABELS, tokenizer: larger },
      `the tokenizer has ${VOCABULARY + 1} tokens, and the graph does not know the last of them`,
    );
  });
});
