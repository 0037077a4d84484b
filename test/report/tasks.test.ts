import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scoreQuality } from '../../src/report/correlation.js';
import { entitiesOf, entityCounts, entityQuality, sumOf } from '../../src/report/entities.js';
import { labelsQuality } from '../../src/report/many-labels.js';
import { tagQuality } from '../../src/report/tags.js';

interface Golden {
  entities: {
    name: string;
    truth: string[][];
    predicted: string[][];
    entities: [type: string, start: number, end: number][][];
    precision: number;
    recall: number;
    f1: number;
  }[];
  many: {
    name: string;
    truth: number[][];
    predicted: number[][];
    micro_f1: number;
    macro_f1: number;
    accuracy: number;
    precision: number[];
    recall: number[];
    f1: number[];
    support: number[];
  }[];
  numbers: {
    name: string;
    truth: number[];
    predicted: number[];
    pearson: number;
    spearman: number;
    mae: number;
    rmse: number;
  }[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/tasks.json', import.meta.url), 'utf8')) as Golden;

describe("seqeval's entities", () => {
  test.each(golden.entities)('$name', ({ truth, predicted, entities, precision, recall, f1 }) => {
    expect(truth.map(entitiesOf)).toEqual(entities.map((row) => row.map((entity) => entity.join(' '))));
    const found = entityQuality(sumOf(truth.map((row, i) => entityCounts(row, predicted[i] as string[]))));
    expect(found.precision).toBeCloseTo(precision, 12);
    expect(found.recall).toBeCloseTo(recall, 12);
    expect(found.f1).toBeCloseTo(f1, 12);
  });

  test('none at all', () => {
    expect(entityQuality({ right: 0, found: 0, there: 0 })).toEqual({ precision: 0, recall: 0, f1: 0 });
  });
});

test('a word that was not read is wrong, and its tag is missed', () => {
  const rows = [{ truth: Int32Array.of(1, 2, 0), predicted: Int32Array.of(1, -1, -1) }];
  const { words, entities } = tagQuality(rows, ['O', 'B-x', 'I-x']);
  expect(words.accuracy).toBeCloseTo(1 / 3, 12);
  expect(words.perLabel.map(({ recall }) => recall)).toEqual([0, 1, 0]);
  expect(words.macroF1).toBeCloseTo(1 / 3, 12);
  expect(entities).toEqual({ precision: 0, recall: 0, f1: 0 });
});

describe("scikit-learn's figures of several labels", () => {
  test.each(golden.many)('$name', (expected) => {
    const bits = (rows: number[][]): Uint8Array[] => rows.map((row) => Uint8Array.from(row));
    const names = (expected.truth[0] as number[]).map((_, k) => `label ${k}`);
    const found = labelsQuality(bits(expected.truth), bits(expected.predicted), names);
    expect(found.microF1).toBeCloseTo(expected.micro_f1, 12);
    expect(found.macroF1).toBeCloseTo(expected.macro_f1, 12);
    expect(found.accuracy).toBeCloseTo(expected.accuracy, 12);
    for (const part of ['precision', 'recall', 'f1', 'support'] as const) {
      found.perLabel.forEach((label, k) => {
        expect(label[part]).toBeCloseTo(expected[part][k] as number, 12);
      });
    }
  });
});

describe("scipy's correlations and errors", () => {
  test.each(golden.numbers)('$name', ({ truth, predicted, name: _, ...expected }) => {
    const found = scoreQuality(Float64Array.from(truth), Float64Array.from(predicted));
    for (const figure of ['pearson', 'spearman', 'mae', 'rmse'] as const) {
      expect(found[figure], figure).toBeCloseTo(expected[figure], 12);
    }
  });

  test('one score for all texts goes with nothing', () => {
    const found = scoreQuality(Float64Array.of(1, 2, 3), Float64Array.of(0.1, 0.1, 0.1));
    expect([found.pearson, found.spearman]).toEqual([Number.NaN, Number.NaN]);
    expect(found.mae).toBeCloseTo(1.9, 12);
  });
});
