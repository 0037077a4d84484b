import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { argmaxRows, confusionOf, macroF1Of, qualityOf, softmax } from '../../src/report/metrics.js';
import { Random } from '../../src/util/random.js';

interface Case {
  name: string;
  labels: number;
  truth: number[];
  predicted: number[];
  accuracy: number;
  macro_f1: number;
  precision: number[];
  recall: number[];
  f1: number[];
  support: number[];
  confusion: number[][];
}
const golden = JSON.parse(readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8')) as {
  quality: Case[];
};

const names = (count: number): string[] => Array.from({ length: count }, (_, k) => `label ${k}`);
const quality = (truth: readonly number[], predicted: readonly number[], labels: number) =>
  qualityOf(confusionOf(Int32Array.from(truth), Int32Array.from(predicted), labels), names(labels));

describe('against scikit-learn', () => {
  test.each(golden.quality)('$name', (expected) => {
    const found = quality(expected.truth, expected.predicted, expected.labels);
    expect(found.accuracy).toBeCloseTo(expected.accuracy, 12);
    expect(found.macroF1).toBeCloseTo(expected.macro_f1, 12);
    expect(found.confusion).toEqual(expected.confusion);
    found.perLabel.forEach((label, k) => {
      expect(label.precision).toBeCloseTo(expected.precision[k] as number, 12);
      expect(label.recall).toBeCloseTo(expected.recall[k] as number, 12);
      expect(label.f1).toBeCloseTo(expected.f1[k] as number, 12);
      expect(label.support).toBe(expected.support[k]);
    });
    const confusion = confusionOf(
      Int32Array.from(expected.truth),
      Int32Array.from(expected.predicted),
      expected.labels,
    );
    expect(macroF1Of(confusion, expected.labels)).toBeCloseTo(expected.macro_f1, 12);
  });
});

describe('whatever the predictions', () => {
  const random = new Random(1, 'metrics');
  const cases = Array.from({ length: 50 }, () => {
    const labels = 2 + random.below(5);
    const truth = Array.from({ length: 1 + random.below(60) }, () => random.below(labels));
    return { labels, truth, predicted: truth.map((label) => (random.uniform() < 0.6 ? label : random.below(labels))) };
  });

  test('the order of rows does not matter', () => {
    for (const { labels, truth, predicted } of cases) {
      const order = random.shuffle([...truth.keys()]);
      const shuffled = quality(
        order.map((i) => truth[i] as number),
        order.map((i) => predicted[i] as number),
        labels,
      );
      expect(shuffled).toEqual(quality(truth, predicted, labels));
    }
  });

  test('renaming labels moves per-label figures and leaves the rest', () => {
    for (const { labels, truth, predicted } of cases) {
      const renamed = random.shuffle([...Array(labels).keys()]);
      const before = quality(truth, predicted, labels);
      const after = quality(
        truth.map((k) => renamed[k] as number),
        predicted.map((k) => renamed[k] as number),
        labels,
      );
      expect(after.accuracy).toBe(before.accuracy);
      expect(after.macroF1).toBeCloseTo(before.macroF1, 12);
      before.perLabel.forEach(({ f1 }, k) => {
        expect(after.perLabel[renamed[k] as number]?.f1).toBe(f1);
      });
    }
  });

  test('every row twice changes no share', () => {
    for (const { labels, truth, predicted } of cases) {
      const once = quality(truth, predicted, labels);
      const twice = quality([...truth, ...truth], [...predicted, ...predicted], labels);
      expect(twice.accuracy).toBe(once.accuracy);
      expect(twice.macroF1).toBe(once.macroF1);
      expect(twice.errors).toBe(2 * once.errors);
    }
  });

  test('truth and prediction swapped swap precision and recall and keep macro-F1', () => {
    for (const { labels, truth, predicted } of cases) {
      const there = quality(truth, predicted, labels);
      const back = quality(predicted, truth, labels);
      expect(back.macroF1).toBe(there.macroF1);
      expect(back.perLabel.map(({ recall }) => recall)).toEqual(there.perLabel.map(({ precision }) => precision));
    }
  });
});

test('the first of equal logits wins', () => {
  expect([...argmaxRows(Float32Array.of(1, 2, 2, 3, 3, 3, -1, -2, -0.5), 3)]).toEqual([1, 0, 2]);
});

test('softmax survives large logits', () => {
  expect(softmax(Float32Array.of(1000, 1000))).toEqual([0.5, 0.5]);
  expect(softmax(Float32Array.of(-1e30, 0))).toEqual([0, 1]);
});
