import { expect, test } from 'vitest';
import { batchTimingOf, costFigures, timingOf, usdPerMillion } from '../../src/report/cost.js';
import { holds, judge, pointerOf, wantedOf } from '../../src/report/expect.js';

test('times of texts alone and in batches', () => {
  expect(timingOf(Float64Array.of(3, 1, 2))).toEqual({ median_ms: 2, p95_ms: 2.9, rows: 3 });
  // 4 texts in 8, 16 and 24 ms: 12 in 48.
  expect(batchTimingOf(Float64Array.of(24, 8, 16), 4)).toEqual({
    size: 4,
    batches: 3,
    median_ms: 4,
    p95_ms: 5.8,
    texts_per_second: 250,
  });
});

test('a million texts of 10 ms are 2.8 hours', () => {
  expect(usdPerMillion(10, 0.36)).toBeCloseTo(1, 12);
});

test('figures of a model beside its teacher; what is not measured has no value', () => {
  const teacher = { timing: undefined, batch: undefined, memory: undefined, usdPerMillion: 8 };
  const student = { timing: { median_ms: 2, p95_ms: 3, rows: 5 }, batch: undefined, memory: 5e6, usdPerMillion: 2 };
  expect(costFigures(student, teacher)).toEqual({
    p50_ms: 2,
    p95_ms: 3,
    batch32_p50_ms: null,
    batch32_p95_ms: null,
    texts_per_second: null,
    memory_mb: 5,
    usd_per_million: 2,
    price_ratio: 0.25,
  });
  expect(costFigures(student, undefined).price_ratio).toBeNull();
});

test.each([
  [0.97, '>= 0.97', true],
  [0.97, '> 0.97', false],
  [5e6, '<=5e6', true],
  [5_000_001, '<= 5e6', false],
  [1, '< 1', false],
])('%d is %s: %s', (value, comparison, held) => {
  expect(holds(value, comparison)).toBe(held);
});

test('expectations of both models; a figure without a value is not met', () => {
  const wanted = wantedOf({ accuracy: '> 0.5', teacher: { macro_f1: '>= 0.9', bytes: '< 10' } });
  const judged = judge(wanted, { student: { accuracy: 0.6 }, teacher: { macro_f1: 0.8 } });
  expect(judged).toEqual([
    { figure: 'accuracy', expected: '> 0.5', value: 0.6, met: true },
    { figure: 'teacher.macro_f1', expected: '>= 0.9', value: 0.8, met: false },
    { figure: 'teacher.bytes', expected: '< 10', value: null, met: false },
  ]);
  expect(judged.map(pointerOf)).toEqual(['/expect/accuracy', '/expect/teacher/macro_f1', '/expect/teacher/bytes']);
});
