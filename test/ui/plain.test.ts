import { expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { jsonReporter } from '../../src/ui/json.js';
import { plainReporter } from '../../src/ui/plain.js';
import { resolveReporter, wantsColor } from '../../src/ui/reporter.js';
import { at, begin, ended, fail, finish, progress, started, table } from './events.js';

function plain(...events: readonly Event[]): string[] {
  const written: string[] = [];
  const reporter = plainReporter((text) => written.push(text));
  for (const event of events) reporter.event(event);
  return written.join('').trimEnd().split('\n');
}
const plan = started([
  ['a', 'train'],
  ['b', 'evaluate', 'a'],
]);

test('a run that goes well', () => {
  expect(plain(plan, finish(0, 'a', true), begin(0, 'b'), table(1, 'b'), finish(1, 'b'), ended(65, 'ok'))).toEqual([
    'tiny: started, 2 steps, run r1',
    'a: up to date',
    'b: started evaluate',
    'b: done in 3.0 s, 412 MB',
    '',
    'Results',
    '',
    'model    macro-F1',
    '─────────────────',
    'teacher     0.968',
    'student       0.9',
    '',
    'Retention is student / teacher on the same rows.',
    '',
    'tiny: ok in 1m 05s (2 steps, 1 up to date)',
    '  student → /out/student',
  ]);
});

test('a run that fails', () => {
  const skipped = at(4, { type: 'step-skipped', step: 'b', reason: 'upstream', because: 'a' });
  expect(
    plain(plan, begin(0, 'a'), fail(1, 'a', 1, true), begin(2, 'a', 2), fail(3, 'a', 2), skipped, ended(4, 'failed')),
  ).toEqual([
    'tiny: started, 2 steps, run r1',
    'a: started train',
    'a: failed, trying again: row 7 has no label',
    '  Drop it.',
    'a: started train (attempt 2)',
    'a: failed: row 7 has no label',
    '  Drop it.',
    'b: skipped: a did not finish',
    'tiny: failed in 4.0 s (2 steps, 1 failed, 1 skipped)',
  ]);
});

test('at most one progress line in ten seconds', () => {
  const reports = Array.from({ length: 200 }, (_, i) =>
    progress(i / 5, 'a', i * 10, 4000, { loss: 1.5, phase: 'stage 1 of 2' }),
  );
  expect(plain(plan, begin(0, 'a'), ...reports).slice(2)).toEqual([
    'a: 500/4000 updates (12 %), 50.0/s, 1m 10s left, loss 1.500, stage 1 of 2',
    'a: 1000/4000 updates (25 %), 50.0/s, 1m 00s left, loss 1.500, stage 1 of 2',
    'a: 1500/4000 updates (37 %), 50.0/s, 50 s left, loss 1.500, stage 1 of 2',
  ]);
});

test('what a step says cannot move the cursor or fake a line', () => {
  const evil = at(1, { type: 'step-log', step: 'a', level: 'warning', message: 'x\u001b[2Jy\nb: done\u0007' });
  expect(plain(plan, evil)[1]).toBe('a: warning: xy b: done');
});

test('json: each event a line, nothing else', async () => {
  const lines: string[] = [];
  const reporter = jsonReporter((text) => lines.push(text));
  const events = [plan, begin(1, 'a'), ended(2, 'ok')];
  for (const event of events) reporter.event(event);
  await reporter.close();
  expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true);
  expect(lines.map((line) => JSON.parse(line))).toEqual(events);
});

test('the reporter that fits', () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;
  const pipe = { isTTY: false } as NodeJS.WriteStream;
  expect(resolveReporter('auto', {}, terminal)).toBe('tty');
  expect(resolveReporter('auto', { CI: 'true' }, terminal)).toBe('plain');
  expect(resolveReporter('auto', { CI: 'false' }, terminal)).toBe('tty');
  expect(resolveReporter('auto', { TERM: 'dumb' }, terminal)).toBe('plain');
  expect(resolveReporter('auto', {}, pipe)).toBe('plain');
  expect(resolveReporter('json', { CI: 'true' }, terminal)).toBe('json');
  expect(wantsColor({}, terminal)).toBe(true);
  expect(wantsColor({ NO_COLOR: '1' }, terminal)).toBe(false);
  expect(wantsColor({ NO_COLOR: '' }, terminal)).toBe(true);
});
