import { expect, test } from 'vitest';
import type { Table } from '../../src/engine/step.js';
import * as format from '../../src/ui/format.js';
import { renderTable } from '../../src/ui/table.js';
import { formatBytes } from '../../src/util/bytes.js';

test('durations, bytes, rates, losses', () => {
  expect([0, 9.94, 9.96, 59.4, 59.6, 125, 3599.6, 7620].map(format.formatSeconds)).toEqual([
    '0.0 s', '9.9 s', '10 s', '59 s', '1m 00s', '2m 05s', '1h 00m', '2h 07m',
  ]); // biome-ignore format: one row
  expect([120, 950e3, 412e6, 999.6e6, 1.24e9].map(formatBytes)).toEqual([
    '120 B',
    '950 kB',
    '412 MB',
    '1.0 GB',
    '1.2 GB',
  ]);
  expect([420.4, 12.34, 0.3, 0.01].map(format.formatRate)).toEqual(['420/s', '12.3/s', '18/min', '0.6/min']);
  expect([0.43121, 12.345, 0.00001, 123.45].map(format.formatLoss)).toEqual(['0.4312', '12.35', '1.0e-5', '123.5']);
});

test('bars and sparklines have the width asked for', () => {
  expect([0, 0.5, 0.55, 1].map((share) => format.bar(share, 10))).toEqual([
    '░░░░░░░░░░',
    '█████░░░░░',
    '█████▌░░░░',
    '██████████',
  ]);
  expect(format.sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(format.sparkline([8, 8, 1, 1], 2)).toBe('█▁');
  expect(format.sparkline([2, 2], 5)).toBe('▁▁');
});

test('cutting by terminal columns, not by characters', () => {
  expect(format.truncate('abcdef', 4)).toBe('abc…');
  expect(format.truncate('邮件邮件', 5)).toBe('邮件…');
  expect(format.truncate('abc', 0)).toBe('');
  expect(format.truncateMiddle('student[hidden=64,seed=12]', 12)).toBe('stu…seed=12]');
  expect(format.wrap('one two three', 9, '', '  ')).toEqual(['one two', '  three']);
});

const wide = {
  title: 'Results',
  columns: [
    { label: 'model', align: 'left' as const },
    { label: 'macro-F1', align: 'right' as const },
  ],
  rows: [
    ['邮件', '0.968'],
    ['student', '0.9'],
  ],
  notes: ['Retention is student / teacher.'],
};

test('a table is aligned by terminal columns', () => {
  expect(renderTable(wide, 40)).toEqual([
    'Results',
    '',
    'model    macro-F1',
    '─────────────────',
    '邮件        0.968',
    'student       0.9',
    '',
    'Retention is student / teacher.',
  ]);
});

test('a table that is too wide becomes one value a line, its notes wrapped', () => {
  expect(renderTable(wide, 16)).toEqual([
    'Results',
    '',
    'model: 邮件',
    'macro-F1:',
    '  0.968',
    '',
    'model: student',
    'macro-F1: 0.9',
    '',
    'Retention is',
    'student /',
    'teacher.',
  ]);
});

test('a table too wide for the terminal is turned before it is taken apart', () => {
  const table: Table = {
    title: 'models',
    columns: [
      { label: 'model', align: 'left' },
      { label: 'accuracy', align: 'right' },
      { label: 'parameters', align: 'right' },
      { label: 'retention', align: 'right' },
    ],
    rows: [
      ['teacher', '0.9720', '1,850,754', ''],
      ['student', '0.9785', '366,442', '100.9 %'],
    ],
    notes: [],
  };
  expect(renderTable(table, 31)).toEqual([
    'models',
    '',
    'model         teacher  student',
    '──────────────────────────────',
    'accuracy       0.9720   0.9785',
    'parameters  1,850,754  366,442',
    'retention              100.9 %',
  ]);
  expect(renderTable(table, 20)[2]).toBe('model: teacher');
});
