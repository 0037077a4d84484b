import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Head } from '../../src/models/architecture.js';
import { loadPredictor } from '../../src/models/index.js';
import { loadTagger, type Tagged } from '../../src/models/tagger.js';
import { loadWriter } from '../../src/models/writer.js';
import { argmaxRows, softmax } from '../../src/report/metrics.js';
import { loadTrial } from '../../src/trial/load.js';
import type { Answer, Question } from '../../src/trial/trial.js';
import { makeModel } from '../export/rig.js';

const OPTIONS = { backend: 'onnx', threads: 1, most: 5 } as const;
const TEXT = 'the old lamp and 日本 naïve';
const PAIR = 'red cup';

const roots: string[] = [];
afterAll(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))));

async function made(type: string, head: Head, pairs = false): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'recipe-trial-'));
  roots.push(root);
  return (await makeModel(root, type, head, { pairs })).model;
}

async function answered<K extends Answer['kind']>(
  folder: string,
  kind: K,
  question: Question = { text: TEXT, pair: PAIR },
): Promise<Extract<Answer, { kind: K }> & { pairs: boolean }> {
  const trial = await loadTrial(folder, OPTIONS);
  try {
    const answer = await trial.answer(question);
    expect(answer.kind).toBe(kind);
    return { ...(answer as Extract<Answer, { kind: K }>), pairs: trial.pairs };
  } finally {
    await trial.close();
  }
}

describe('what a model says of a text', () => {
  test.each([false, true])('a classifier: the label and all probabilities (two texts: %s)', async (pairs) => {
    const folder = await made('bert', 'classifier', pairs);
    const predictor = await loadPredictor(folder, 'onnx', 1);
    const logits = await predictor.predict([TEXT], pairs ? [PAIR] : undefined);
    await predictor.close();
    const { label, probabilities, ...answer } = await answered(folder, 'label');
    expect(answer.pairs).toBe(pairs);
    expect(label).toBe(predictor.labels[argmaxRows(logits, 2)[0] as number]);
    expect(Object.keys(probabilities)).toEqual(predictor.labels);
    const [first, second] = Object.values(probabilities) as [number, number];
    expect(first).toBeCloseTo(softmax(logits)[0] as number, 5);
    expect(first + second).toBeCloseTo(1, 5);
  });

  test('a tagger: each word with its tag, and words that it does not reach', async () => {
    const folder = await made('bert', 'token-classifier');
    const tagger = await loadTagger(folder, 'onnx', 1);
    const [said] = (await tagger.tag([{ text: TEXT }])) as [Tagged];
    await tagger.close();
    const { words } = await answered(folder, 'tags');
    expect(words.map(({ word }) => word)).toEqual(['the', 'old', 'lamp', 'and', '日本', 'naïve']);
    expect(words.map(({ tag }) => tag)).toEqual(Array.from(argmaxRows(said.logits, 3), (k) => tagger.tags[k]));
    for (const { probability } of words) expect(probability).toBeGreaterThan(1 / 3);
    const long = await answered(folder, 'tags', { text: 'lamp '.repeat(60) });
    expect(long.words).toHaveLength(60);
    expect(long.words.at(-1)).toEqual({ word: 'lamp', tag: null, probability: null });
  });

  test('labels and scores', async () => {
    const { labels, probabilities } = await answered(await made('bert', 'multi-label'), 'labels');
    expect(labels).toEqual(Object.keys(probabilities).filter((label) => (probabilities[label] as number) > 0.5));
    const { name, score } = await answered(await made('bert', 'regression'), 'score');
    expect(name).toBe('score');
    expect(Number.isFinite(score)).toBe(true);
  });

  test('two texts of an encoder: their cosine, and what it means where that was learnt', async () => {
    const folder = await made('bert', 'none');
    const { cosine, probability } = await answered(folder, 'similarity');
    expect(Math.abs(cosine)).toBeLessThan(1);
    expect(probability).toBeNull();
    expect((await answered(folder, 'similarity', { text: TEXT, pair: TEXT })).cosine).toBeCloseTo(1, 5);
    const file = join(folder, 'recipe.json');
    const recipe = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...recipe, labels: ['no', 'yes'], similarity: { scale: 4, bias: -1 } }));
    const learnt = await answered(folder, 'similarity');
    expect(learnt.cosine).toBeCloseTo(cosine, 5);
    expect(learnt.probability).toBeCloseTo(1 / (1 + Math.exp(-(4 * cosine - 1))), 5);
  });

  test('a language model: what it writes, behind its prompt', async () => {
    const folder = await made('gpt2', 'language-model');
    const file = join(folder, 'recipe.json');
    const recipe = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...recipe, prompt: 'Mail: {{text}}\n' }));
    const writer = await loadWriter(folder, 'onnx', 1);
    const expected = await writer.write({ id: 'a', text: 'red cup' }, 5);
    await writer.close();
    const { text, tokens } = await answered(folder, 'text', { text: 'red cup' });
    expect(text).toBe(expected.text);
    expect(tokens).toBeLessThanOrEqual(5);
  });
});

describe('what cannot be tried', () => {
  test('a model that tells hidden tokens, and a folder without one', async () => {
    await expect(loadTrial(await made('bert', 'masked-language-model'), OPTIONS)).rejects.toMatchObject({
      reason: 'task',
    });
    await expect(loadTrial(tmpdir(), OPTIONS)).rejects.toMatchObject({
      reason: 'no-model',
      hint: expect.stringContaining('import-model'),
    });
  });
});
