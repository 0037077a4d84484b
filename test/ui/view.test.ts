import { describe, expect, test } from 'vitest';
import { secondsLeft } from '../../src/ui/rate.js';
import { LOG_LIMIT, reduce, type StepView, type View } from '../../src/ui/view.js';
import { at, begin, ended, fail, finish, fold, progress, started, table } from './events.js';

const step = (view: View, id: string): StepView => {
  const found = view.steps.get(id);
  if (!found) throw new Error(`no step ${id}`);
  return found;
};
const two = started([
  ['a', 'train'],
  ['b', 'evaluate', 'a'],
]);

describe('the states of a step', () => {
  test('waiting, running, done', () => {
    expect([...fold(two).steps.values()].map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    expect(step(fold(two, begin(1, 'a')), 'a').state).toBe('running');
    expect(step(fold(two, begin(1, 'a'), finish(4, 'a')), 'a')).toMatchObject({ state: 'done', seconds: 3 });
  });

  test('cached, skipped, interrupted', () => {
    expect(step(fold(two, finish(1, 'a', true)), 'a').state).toBe('cached');
    const skip = at(1, { type: 'step-skipped', step: 'b', reason: 'upstream', because: 'a' });
    expect(step(fold(two, skip), 'b')).toMatchObject({ state: 'skipped', skipped: { because: 'a' } });
    expect(step(fold(two, begin(0, 'a'), at(1, { type: 'step-interrupted', step: 'a' })), 'a').state).toBe(
      'interrupted',
    );
  });

  test('a retry waits, then runs with nothing left of the first attempt but why it failed', () => {
    const first = fold(two, begin(0, 'a'), progress(1, 'a', 5, 9, { loss: 2 }), fail(2, 'a', 1, true));
    expect(step(first, 'a')).toMatchObject({ state: 'waiting', attempt: 1, failure: { reason: 'bad-row' } });
    const second = step(reduce(first, begin(3, 'a', 2)), 'a');
    expect(second).toMatchObject({ state: 'running', attempt: 2, failure: { message: 'row 7 has no label' } });
    expect(second.progress).toBeUndefined();
    expect(second.losses.points).toEqual([]);
    expect(step(reduce(first, fail(4, 'a', 2)), 'a').state).toBe('failed');
  });

  test('a second run-started is a resumed run: everything waits again', () => {
    const view = fold(two, finish(1, 'a'), ended(2, 'interrupted'), started([['a', 'train']], true));
    expect(view).toMatchObject({ status: 'running', resumed: true });
    expect([...view.steps.values()].map(({ state }) => state)).toEqual(['waiting']);
  });
});

describe('events out of order', () => {
  test('progress of a step that has ended, or between two attempts, changes nothing', () => {
    const done = fold(two, begin(0, 'a'), finish(2, 'a'));
    expect(reduce(done, progress(3, 'a', 1, 9)).steps).toBe(done.steps);
    const retry = fold(two, begin(0, 'a'), fail(2, 'a', 1, true));
    expect(reduce(retry, progress(3, 'a', 1, 9)).steps).toBe(retry.steps);
  });

  test('older progress is dropped, also where it shows less done', () => {
    const view = fold(two, begin(0, 'a'), progress(2, 'a', 20, 100), progress(1, 'a', 10, 100));
    expect(step(view, 'a').progress?.done).toBe(20);
    expect(view.at).toBe(1_002_000);
  });

  test('a late start does not revive a step, and an older attempt does not replace a newer', () => {
    expect(step(fold(two, begin(0, 'a'), finish(2, 'a'), begin(1, 'a')), 'a').state).toBe('done');
    expect(step(fold(two, begin(0, 'a', 2), begin(1, 'a', 1)), 'a').attempt).toBe(2);
  });

  test('steps without a plan are kept, and take their place when the plan comes', () => {
    const view = fold(begin(0, 'b'), progress(1, 'b', 1, 9), two);
    expect([...view.steps.keys()]).toEqual(['a', 'b']);
    expect(step(view, 'b')).toMatchObject({ state: 'running', uses: 'evaluate', needs: ['a'] });
  });
});

describe('rate and time left', () => {
  test('come from event times only; a resumed step starts at its first report', () => {
    const one = fold(two, begin(0, 'a'), progress(1, 'a', 500, 1000));
    expect(step(one, 'a').rate.perSecond).toBeUndefined();
    expect(secondsLeft(step(one, 'a').rate)).toBeUndefined();
    const next = step(reduce(one, progress(3, 'a', 520, 1000)), 'a');
    expect(next.rate.perSecond).toBe(10);
    expect(secondsLeft(next.rate)).toBe(48);
  });

  test('a jump is smoothed, and then followed', () => {
    let view = fold(
      two,
      begin(0, 'a'),
      progress(0, 'a', 0, 1e6),
      progress(1, 'a', 10, 1e6),
      progress(2, 'a', 110, 1e6),
    );
    const soon = step(view, 'a').rate.perSecond ?? 0;
    expect(soon).toBeGreaterThan(15);
    expect(soon).toBeLessThan(30);
    for (let s = 3; s < 60; s++) view = reduce(view, progress(s, 'a', 110 + (s - 2) * 100, 1e6));
    expect(step(view, 'a').rate.perSecond).toBeCloseTo(100, 0);
  });

  test('two reports of one millisecond are no infinite speed', () => {
    const view = fold(two, begin(0, 'a'), progress(1, 'a', 1, 9), progress(1, 'a', 3, 9), progress(2, 'a', 5, 9));
    expect(step(view, 'a').rate.perSecond).toBe(4);
  });

  test('another unit, total or fewer done start anew', () => {
    const base = fold(two, begin(0, 'a'), progress(0, 'a', 0, 100), progress(1, 'a', 50, 100));
    for (const other of [
      progress(2, 'a', 51, 200),
      progress(2, 'a', 3, 100),
      progress(2, 'a', 60, 100, { unit: 'rows' }),
    ]) {
      expect(step(reduce(base, other), 'a').rate.perSecond).toBeUndefined();
    }
  });
});

describe('losses', () => {
  const run = (count: number): StepView => {
    let view = fold(two, begin(0, 'a'));
    for (let i = 0; i < count; i++) view = reduce(view, progress(i, 'a', i, count, { loss: count - i }));
    return step(view, 'a');
  };

  test('are all kept while they are few', () => {
    expect(run(3).losses.points).toEqual([3, 2, 1]);
  });

  test('are averaged when they are many: bounded, whole, in order', () => {
    const { points, last, stride } = run(10_000).losses;
    expect(points.length).toBeLessThanOrEqual(64);
    expect(points.length).toBeGreaterThan(30);
    expect(last).toBe(1);
    expect(points[0]).toBeCloseTo(10_000 - (stride - 1) / 2, 6);
    expect([...points].sort((a, b) => b - a)).toEqual(points);
  });

  test('start anew with a phase, and a loss that is no number draws nothing', () => {
    const view = fold(
      two,
      begin(0, 'a'),
      progress(1, 'a', 1, 9, { loss: 3, phase: 'stage 1' }),
      progress(2, 'a', 2, 9, { loss: 0.5, phase: 'stage 2' }),
      progress(3, 'a', 3, 9, { loss: Number.NaN, phase: 'stage 2' }),
    );
    expect(step(view, 'a').losses).toMatchObject({ points: [0.5], last: Number.NaN });
  });
});

describe('the run', () => {
  test('collects tables and outputs, and keeps the newest log lines', () => {
    const lines = Array.from({ length: LOG_LIMIT + 50 }, (_, i) =>
      at(1, { type: 'step-log', step: 'a', level: 'info', message: `${i}` }),
    );
    const view = fold(two, ...lines, table(2, 'a'), at(3, { type: 'run-stopping' }));
    expect(view.log).toHaveLength(LOG_LIMIT);
    expect(view.log.at(-1)?.message).toBe(`${LOG_LIMIT + 49}`);
    expect(view.status).toBe('stopping');
    expect(reduce(view, ended(9, 'ok'))).toMatchObject({
      status: 'ok',
      seconds: 9,
      outputs: { student: '/out/student' },
    });
    expect(view.tables.map(({ table }) => table.title)).toEqual(['Results']);
  });

  test('takes a thousand steps in well under a second', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `s${i}`);
    const events = ids.flatMap((id, i) => [
      begin(i, id),
      progress(i, id, 1, 2),
      progress(i + 1, id, 2, 2),
      finish(i + 1, id),
    ]);
    const since = performance.now();
    const view = fold(started(ids.map((id) => [id, 'train'])), ...events);
    expect(performance.now() - since).toBeLessThan(3000);
    expect([...view.steps.values()].every(({ state }) => state === 'done')).toBe(true);
  });

  test('a view is never changed', () => {
    const before = fold(two, begin(0, 'a'), progress(1, 'a', 1, 9, { loss: 1 }));
    const copy = structuredClone(before);
    for (const event of [progress(2, 'a', 2, 9, { loss: 2 }), table(2, 'a'), fail(3, 'a'), ended(4, 'failed')])
      reduce(before, event);
    expect(before).toEqual(copy);
  });
});
