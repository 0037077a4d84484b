import { expect, it } from 'vitest';
import { History, type HistoryState, numbersOf } from '../../src/train/history.js';
import type { Report } from '../../src/train/loop.js';
import type { partsOf } from '../../src/train/objective-parts.js';
import { buildStage } from '../../src/train/stage.js';
import { objectivesOf, tinyConfig } from './rig.js';

/** What an update gives, as far as a history reads it: the loss is its number. */
const report = (done: number, total: number, more: Partial<Report> = {}): Report =>
  ({
    stage: 0,
    done,
    total,
    loss: done,
    losses: [2 * done],
    named: [{ name: 'soft-label', model: 0 }],
    rate: 0.1,
    numbers: [{ weight: 0.5, scheduled: { temperature: 5 - done / total } }],
    gradientNorm: 1,
    validation: done % 10 === 0 ? done / total : undefined,
    stopped: false,
    ...more,
  }) as Report;

it('keeps at most 500 points a stage, each the mean of the updates since the one before', () => {
  const history = new History();
  for (let done = 1; done <= 10_003; done++) history.add(report(done, 10_003), 'accuracy');
  const [stage] = history.named(null).stages;
  expect(stage?.update.length).toBe(477);
  expect(stage?.update.slice(0, 2)).toEqual([21, 42]);
  expect(stage?.update.at(-1)).toBe(10_003);
  expect(stage?.loss.slice(0, 2)).toEqual([11, 32]);
  expect(stage?.objectives[0]?.loss.slice(0, 2)).toEqual([22, 64]);
  expect(stage?.objectives[0]?.scheduled.temperature?.[0]).toBeCloseTo(4.9979, 4);
  expect(stage?.validation?.update.length).toBeLessThanOrEqual(500);
  expect(stage?.validation?.update.at(-1)).toBe(10_000);
  expect(JSON.stringify(stage).length).toBeLessThan(40_000);
});

it('keeps every evaluation where there are few updates, and the update at which a stage stopped', () => {
  const history = new History();
  for (let done = 1; done <= 30; done++) history.add(report(done, 400, { stopped: done === 30 }), 'accuracy');
  const [stage] = history.named(null).stages;
  expect(stage?.update.length).toBe(30);
  expect(stage?.updates).toBe(400);
  expect(stage?.validation).toEqual({ metric: 'accuracy', update: [10, 20, 30], value: [0.025, 0.05, 0.075] });
});

it('goes on from a checkpoint, in the middle of a point too, to the same', () => {
  const straight = new History();
  for (let done = 1; done <= 1300; done++) straight.add(report(done, 1300, { loss: 1 / done }), 'accuracy');
  let history = new History();
  for (let done = 1; done <= 1300; done++) {
    history.add(report(done, 1300, { loss: 1 / done }), 'accuracy');
    if (done % 100 === 1) history = new History(JSON.parse(JSON.stringify(history.state)) as HistoryState);
  }
  expect(JSON.stringify(history.named(null))).toBe(JSON.stringify(straight.named(null)));
});

it('reads weights and temperatures off a stage as it is fed', () => {
  const objectives = objectivesOf(
    {
      type: 'soft-label',
      weight: { from: 0, to: 1, schedule: 'linear' },
      temperature: { from: 4, to: 1, schedule: 'linear' },
    },
    { type: 'hard-label', weight: 0.25 },
  );
  const config = tinyConfig(20);
  const fits = [{ student: config, teacher: config }] as unknown as Parameters<typeof partsOf>[2];
  const stage = buildStage(config, { objectives } as Parameters<typeof buildStage>[1], fits, 'history');
  const at = (progress: number) => numbersOf(stage, progress);
  expect(at(0).map(({ weight }) => weight)).toEqual([0, 0.25]);
  expect(at(1).map(({ weight }) => weight)).toEqual([1, 0.25]);
  expect([0, 0.5, 1].map((progress) => at(progress)[0]?.scheduled)).toEqual([
    { temperature: 4 },
    { temperature: 2.5 },
    { temperature: 1 },
  ]);
  expect(at(0)[1]?.scheduled).toEqual({});
});
