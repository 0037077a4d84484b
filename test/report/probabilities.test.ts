import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BINS } from '../../src/report/calibration.js';
import { agreementOf } from '../../src/report/compare.js';
import { argmaxRows, confusionOf, qualityOf } from '../../src/report/metrics.js';
import { probabilityQuality } from '../../src/report/probabilities.js';
import { macroRocAuc } from '../../src/report/ranking.js';

interface Case {
  name: string;
  labels: number;
  truth: number[];
  logits: number[];
  roc_auc: number | null;
  log_loss: number;
  brier: number;
  mcc: number;
  micro_f1: number;
  ece: number;
  counts: number[];
  filled: number[];
  accuracy: number[];
  confidence: number[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/probabilities.json', import.meta.url), 'utf8')) as {
  cases: Case[];
  many: { truth: number[][]; scores: number[][]; roc_auc: number };
};

describe('against scikit-learn', () => {
  test.each(golden.cases)('$name', (expected) => {
    const truth = Int32Array.from(expected.truth);
    const logits = Float32Array.from(expected.logits);
    const found = probabilityQuality(truth, logits, expected.labels);
    if (expected.roc_auc === null) expect(found.rocAuc).toBeNull();
    else expect(found.rocAuc).toBeCloseTo(expected.roc_auc, 10);
    expect(found.logLoss).toBeCloseTo(expected.log_loss, 10);
    expect(found.brier).toBeCloseTo(expected.brier, 10);
    expect(found.calibration.ece).toBeCloseTo(expected.ece, 10);
    expect(found.calibration.bins.map(({ rows }) => rows)).toEqual(expected.counts);
    expected.filled.forEach((bin, i) => {
      expect(found.calibration.bins[bin]?.accuracy).toBeCloseTo(expected.accuracy[i] as number, 10);
      expect(found.calibration.bins[bin]?.confidence).toBeCloseTo(expected.confidence[i] as number, 10);
    });
    const names = Array.from({ length: expected.labels }, (_, k) => `label ${k}`);
    const predicted = argmaxRows(logits, expected.labels);
    const quality = qualityOf(confusionOf(truth, predicted, expected.labels), names);
    expect(quality.mcc).toBeCloseTo(expected.mcc, 10);
    expect(quality.accuracy).toBeCloseTo(expected.micro_f1, 10);
  });
});

test('of several labels a text, the mean over labels is scikit-learn’s', () => {
  const { truth, scores, roc_auc } = golden.many;
  expect(macroRocAuc(truth, scores)).toBeCloseTo(roc_auc, 12);
  expect(macroRocAuc([[1], [1]], [[0.5], [0.2]])).toBeNull();
});

test('one label for all rows has no area, and empty bins no figures', () => {
  const { rocAuc, calibration } = probabilityQuality(Int32Array.of(0, 0), Float32Array.of(1, 0, 2, 0), 2);
  expect(rocAuc).toBeNull();
  expect(calibration.bins).toHaveLength(BINS);
  expect(calibration.bins[0]).toEqual({ low: 0, high: 1 / BINS, rows: 0, confidence: null, accuracy: null });
});

test('answers that round to certainty are still told apart', () => {
  const logits = Float32Array.of(0, 90, 0, 80, 0, 100, 0, 70);
  expect(probabilityQuality(Int32Array.of(1, 0, 1, 0), logits, 2).rocAuc).toBe(1);
});

test('agreement is of answers, right or wrong', () => {
  const { value, interval } = agreementOf(Int32Array.of(0, 1, 2, 2), Int32Array.of(0, 1, 1, 2));
  expect(value).toBe(0.75);
  expect(agreementOf(Int32Array.of(0, 1, 2, 2), Int32Array.of(0, 1, 1, 2), new Set([2])).value).toBe(1);
  expect(interval.low).toBeLessThan(0.75);
  expect(interval.high).toBeGreaterThan(0.75);
});
