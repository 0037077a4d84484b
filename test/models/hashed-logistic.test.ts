import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type HashedLogisticOptions, saveHashed, trainHashed } from '../../src/models/hashed-logistic.js';
import { loadPredictor } from '../../src/models/index.js';
import { countHashed, idfOf, weigh } from '../../src/models/logistic/hashed-features.js';
import { softmax } from '../../src/report/metrics.js';
import { digests, temporaryFolder } from '../steps/context.js';
import { goldenJson } from './tiny.js';

const golden = goldenJson<{
  texts: string[];
  options: HashedLogisticOptions;
  rows: [number, number][][];
  labels: number[];
  probabilities: number[];
}>('hashed.json');
const { texts, options } = golden;
const targets = Float32Array.from(golden.labels.flatMap((label) => [1 - label, label]));
const LABELS = ['ham', 'spam'];
const learn = (more: Partial<HashedLogisticOptions> = {}) =>
  trainHashed({ texts, targets, labels: LABELS, options: { ...options, ...more } });

it('has scikit-learn’s features', async () => {
  const rows = await countHashed(texts, options);
  weigh(rows, idfOf(rows, options.buckets));
  golden.rows.forEach((row, r) => {
    const [from, to] = [rows.starts[r] as number, rows.starts[r + 1] as number];
    expect([...rows.columns.subarray(from, to)]).toEqual(row.map(([column]) => column));
    row.forEach(([, value], e) => {
      expect(rows.values[from + e]).toBeCloseTo(value, 6);
    });
  });
});

it('has scikit-learn’s optimum, saved and loaded, and gives equal bytes', async () => {
  const [folder, again] = [await temporaryFolder(), await temporaryFolder()];
  const model = await learn();
  await saveHashed(folder, model, { rows: 60, labelled: 20 });
  await saveHashed(again, await learn(), { rows: 60, labelled: 20 });
  expect(await digests(again)).toEqual(await digests(folder));
  const predictor = await loadPredictor(folder, 'onnx', 1);
  expect(predictor).toMatchObject({ type: 'hashed-logistic', labels: LABELS, parameters: options.buckets + 1 });
  const logits = await predictor.predict(texts);
  golden.probabilities.forEach((probability, i) => {
    expect(softmax(logits.slice(2 * i, 2 * i + 2))[1]).toBeCloseTo(probability, 3);
  });
  expect(await predictor.predict(texts.slice(5, 6))).toEqual(logits.slice(10, 12));
  await predictor.close();
  await writeFile(
    join(folder, 'recipe.json'),
    JSON.stringify({ type: 'hashed-logistic', labels: LABELS, options: {} }),
  );
  await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({ reason: 'damaged-model' });
});

it('knows words it has never seen by their characters', async () => {
  const words = ['winning', 'winners', 'meeting', 'meetings'];
  const train = (char_ngrams: [number, number] | null) =>
    trainHashed({
      texts: words,
      targets: Float32Array.of(0, 1, 0, 1, 1, 0, 1, 0),
      labels: LABELS,
      options: { ...options, word_ngrams: 1, char_ngrams, buckets: 2 ** 16 },
    });
  const folder = await temporaryFolder();
  const spam = async (char_ngrams: [number, number] | null): Promise<number> => {
    await saveHashed(folder, await train(char_ngrams), { rows: 4, labelled: 4 });
    return softmax(await (await loadPredictor(folder, 'onnx', 1)).predict(['winner']))[1] as number;
  };
  expect(await spam(null)).toBeCloseTo(0.5, 2);
  expect(await spam([3, 4])).toBeGreaterThan(0.7);
});

it('takes characters alone, and reads no further than max_words', async () => {
  const { columns } = await countHashed(['the'], { ...options, word_ngrams: 0 });
  const both = await countHashed(['the'], { ...options, word_ngrams: 1 });
  expect(both.columns.length).toBe(columns.length + 1);
  expect(await countHashed(['a b c'], { ...options, max_words: 2 })).toEqual(await countHashed(['a b'], options));
});
