import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ExactCheck } from '../../dist/export/exact.js';
import { graphsOf } from '../../dist/export/graph.js';
import { rowsToCheck } from '../../dist/export/rows.js';
import { loadTransformer, saveTransformer } from '../../dist/models/checkpoint.js';
import { loadPredictor } from '../../dist/models/index.js';
import { createSession } from '../../src/backend/onnx/session.js';
import { writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { Head } from '../../src/models/architecture.js';
import type { Parameters } from '../../src/models/initialize.js';
import { temporaryFolder } from '../steps/context.js';
import { LABELS, type Made, makeModel, rowsOf, runExport } from './rig.js';

const read = (...path: string[]) => readFile(join(...path), 'utf8');
const json = async (...path: string[]) => JSON.parse(await read(...path)) as Record<string, unknown>;

/**
 * `golden/exported.py` loads folders like these with Python's transformers and onnxruntime; all of them, with
 *
 *   EXPORT_TO=/tmp/exported npx vitest run test/export/export.test.ts; python test/golden/exported.py /tmp/exported
 */
const TO = process.env.EXPORT_TO;
const SOME: readonly (readonly [string, Head])[] = [
  ['bert', 'classifier'],
  ['distilbert', 'none'],
  ['bert', 'token-classifier'],
  ['roberta', 'regression'],
  ['distilbert', 'masked-language-model'],
  ['llama', 'language-model'],
];
const ALL = ['albert', 'bert', 'distilbert', 'roberta', 'gpt2', 'llama', 'qwen2', 'qwen3'].flatMap((type) => {
  const encodes = type.includes('bert');
  const heads: readonly Head[] = encodes
    ? ['classifier', 'none', 'token-classifier', 'multi-label', 'regression', 'masked-language-model']
    : ['classifier', 'none', 'language-model'];
  return heads.map((head): [string, Head] => [type, head]);
});
const PIPELINES: Readonly<Partial<Record<Head, string>>> = {
  classifier: 'text-classification',
  'multi-label': 'text-classification',
  regression: 'text-classification',
  'token-classifier': 'token-classification',
  none: 'feature-extraction',
  embedding: 'feature-extraction',
  'language-model': 'text-generation',
  'masked-language-model': 'fill-mask',
};

describe.each(TO === undefined ? SOME : ALL)('a %s with head %s', (type, head) => {
  it('becomes a folder that transformers.js loads and that answers as the model does', async () => {
    const root = await temporaryFolder();
    const made = await makeModel(root, type, head);
    const { outputs, tables, logs } = await runExport(root, made);
    const folder = outputs.model as string;
    if (TO !== undefined) await cp(folder, join(TO, `${type}-${head}`), { recursive: true });
    const pipeline = PIPELINES[head as keyof typeof PIPELINES];
    expect((await readdir(folder)).sort()).toEqual(
      expect.arrayContaining([
        'README.md',
        'config.json',
        'model.safetensors',
        'onnx',
        'recipe.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ]),
    );
    expect((await readdir(join(folder, 'onnx'))).sort()).toEqual(['model.onnx', 'model_quantized.onnx']);
    // Of decoders that classify it has none (see below), nor an ALBERT that labels tokens.
    const known = type.includes('bert') ? type !== 'albert' || head !== 'token-classifier' : head !== 'classifier';
    expect(logs).toHaveLength(known ? 0 : 1);
    if (known) expect(tables[0]?.notes[1]).toMatch(/^transformers.js \d.*: at most \d\.\de-\d+/);
    if (known && ['classifier', 'multi-label', 'language-model', 'masked-language-model'].includes(head)) {
      const [, same, asked] = /, (\d+) of (\d+) texts answered alike/.exec(tables[0]?.notes[1] ?? '') ?? [];
      expect(Number(asked)).toBeGreaterThan(1);
      expect(same).toBe(asked);
    }
    const card = await read(folder, 'README.md');
    expect(card).toContain(`pipeline_tag: ${pipeline}`);
    expect(card).toContain(`pipeline('${pipeline}', '/path/to/this/folder'`);
    if (head === 'masked-language-model') {
      expect(card).toMatch(/: masked accuracy \d\.\d{4}, in float32 \d\.\d{4}, on 40 rows in which 15 % of the tokens/);
    }
    // What Python loads stays as it was.
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(
      await readFile(join(made.model, 'model.safetensors')),
    );
    expect(await json(folder, 'config.json')).toEqual(await json(made.model, 'config.json'));
    const generation = await json(folder, 'generation_config.json').catch(() => undefined);
    const ends = { bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };
    expect(generation).toEqual(head === 'language-model' ? ends : undefined);
    const bytes = async (file: string): Promise<number> => (await stat(join(folder, file))).size;
    expect(await bytes('onnx/model_quantized.onnx')).toBeLessThan((await bytes('onnx/model.onnx')) * 0.7);
    const session = await createSession(join(folder, 'onnx/model.onnx'), 'cpu', 1);
    expect(session.inputs[0]?.shape).toEqual(['batch_size', 'sequence_length']);
    await session.release();
  });
});

it('is checked with ONNX Runtime alone where transformers.js has no such model, and says so', async () => {
  const root = await temporaryFolder();
  const { outputs, logs } = await runExport(root, await makeModel(root, 'gpt2', 'classifier'));
  expect(logs).toEqual([
    {
      level: 'warning',
      message: 'checked with ONNX Runtime alone, as transformers.js has no such model: Unsupported model type: gpt2',
    },
  ]);
  const card = await read(outputs.model as string, 'README.md');
  expect(card).toContain('transformers.js has no pipeline for it');
  expect(card).not.toContain("import { pipeline } from '@huggingface/transformers'");
});

it('keeps no graph in integers where none is asked for, and then tells transformers.js to take the other', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'classifier');
  const { outputs } = await runExport(root, made, { options: { quantize: false } });
  const folder = outputs.model as string;
  expect(await readdir(join(folder, 'onnx'))).toEqual(['model.onnx']);
  expect((await json(folder, 'config.json'))['transformers.js_config']).toEqual({ dtype: 'fp32' });
});

/** One input of every product is always 0, and its weights are so large that 8 bits hold nothing else. */
function ruinIntegers(parameters: Parameters): void {
  for (const [name, { shape, data }] of Object.entries(parameters)) {
    if (/LayerNorm/.test(name)) data[0] = 0;
    if (!/(query|key|value|dense)\.weight$/.test(name)) continue;
    const [rows, columns] = shape as [number, number];
    if (columns !== 32 || name.includes('attention.output') || name.includes('pooler')) continue;
    for (let row = 0; row < rows; row++) data[row * columns] = 1e5;
  }
}

/** Writes a model to another folder with its bias such that it gives both labels as often; what it then says. */
async function balance({ model, rows }: Made, to: string): Promise<string[]> {
  const predictor = await loadPredictor(model, 'onnx', 2);
  const logits = await predictor.predict(rows.map(({ text }) => text));
  await predictor.close();
  const ahead = rows.map((_, i) => (logits[2 * i] as number) - (logits[2 * i + 1] as number));
  const middle = [...ahead].sort((a, b) => a - b)[ahead.length / 2] as number;
  const loaded = await loadTransformer(model);
  const bias = (loaded.parameters['classifier.bias'] as Parameters[string]).data;
  bias[1] = (bias[1] as number) + middle - 1e-6;
  await mkdir(to);
  await saveTransformer(to, loaded, model, { rows: 40, labelled: 40 });
  return ahead.map((x) => LABELS[x >= middle ? 0 : 1] as string);
}

it('leaves out a graph in integers that costs more than a point of accuracy, and says so', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'classifier', { count: 120, change: ruinIntegers });
  const model = join(root, 'balanced');
  const labels = await balance(made, model);
  await writeDataset(
    made.data,
    LABELS,
    made.rows.map((row, i) => ({ ...row, label: labels[i] as string })),
  );
  const { outputs, logs } = await runExport(root, { ...made, model });
  const folder = outputs.model as string;
  expect(logs[0]?.message).toMatch(
    /^no graph in 8-bit integers: it would cost \d+\.\d points of accuracy on 120 rows$/,
  );
  expect(await readdir(join(folder, 'onnx'))).toEqual(['model.onnx']);
  expect((await json(folder, 'config.json'))['transformers.js_config']).toEqual({ dtype: 'fp32' });
  expect(await read(folder, 'README.md')).toMatch(
    /A graph in 8-bit integers is left out: accuracy 0\.\d+, in float32 1\.0000/,
  );
});

it('fails where the graph answers otherwise than the model', async () => {
  const root = await temporaryFolder();
  const { model, data } = await makeModel(root, 'bert', 'classifier');
  const loaded = await loadTransformer(model);
  const tokenizer = await loadTokenizer(model);
  const rows = await rowsToCheck(data, model, loaded.config, tokenizer, 16);
  const check = await ExactCheck.of(loaded, model, rows, 2);
  const [name] = Object.keys(loaded.parameters).filter((key) => key.endsWith('classifier.bias')) as [string];
  const bias = loaded.parameters[name] as Parameters[string];
  const other = {
    ...loaded,
    parameters: { ...loaded.parameters, [name]: { ...bias, data: bias.data.map((x) => x + 1e-3) } },
  };
  const file = join(root, 'other.onnx');
  await writeFile(file, graphsOf(other, false).exact);
  await expect(check.run(file, new AbortController().signal)).rejects.toThrow(
    /^in ONNX Runtime the exported graph answers row \w+ otherwise than the model: 0\.00\d+ apart/,
  );
});

it('refuses data without rows and a model that is no transformer, each with what to do', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'classifier');
  await writeDataset(made.data, LABELS, []);
  await expect(runExport(root, made)).rejects.toMatchObject({
    reason: 'empty-data',
    hint: expect.stringContaining('test split'),
  });
  await writeFile(join(made.model, 'recipe.json'), '{"type":"onnx"}');
  await expect(runExport(root, made)).rejects.toMatchObject({ reason: 'not-exportable' });
});

it('is checked with pairs of texts where it reads such, and needs rows that have them', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'bert', 'classifier', { pairs: true });
  const { tables, logs } = await runExport(root, made);
  expect(logs).toEqual([]);
  expect(tables[0]?.notes[1]).toMatch(/^transformers.js \d.*: at most \d\.\de-\d+\.$/);
  await writeDataset(made.data, LABELS, rowsOf(4));
  await expect(runExport(root, made)).rejects.toMatchObject({
    reason: 'no-pairs',
    message: expect.stringMatching(/^the model reads pairs of texts, and row \w+ has no field "pair"$/),
  });
});

it('has no demo of a model that transformers.js does not load', async () => {
  const root = await temporaryFolder();
  const made = await makeModel(root, 'gpt2', 'classifier');
  await expect(runExport(root, made, { options: { demo: true } })).rejects.toMatchObject({ reason: 'no-demo' });
});
