import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { Journal, latestRun, readEvents, readRun } from '../../src/engine/journal.js';
import { folder } from './rig.js';

const run = (name = 'tiny bert') => ({ recipe: '/r.yaml', name, set: ['params.gold=200'], threads: 2 });
const log = (message: string): Event => ({ at: 1, type: 'step-log', step: 'a', level: 'info', message });
const progress = (at: number): Event => ({
  at,
  type: 'step-progress',
  step: 'a',
  progress: { done: at, total: 9, unit: 'x' },
  memory: 1,
});

test('holds what a run was started with, and its events', async () => {
  const root = folder();
  const journal = await Journal.create(root, run());
  const { id } = journal.record;
  expect(id).toMatch(/^\d{8}-\d{6}-tiny%20bert$/);
  journal.append(log('one'));
  journal.append(log('two\nlines'));
  journal.close();
  journal.append(log('too late'));
  expect(await readEvents(root, id)).toEqual([log('one'), log('two\nlines')]);
  expect(await readRun(root, id)).toEqual({
    version: 1,
    id,
    ...run(),
    started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    pid: process.pid,
    machine: expect.objectContaining({ node: process.version }),
  });
  expect(await readRun(root, 'none')).toBeUndefined();
});

test('the newest run comes last, also when several start in one second', async () => {
  const root = folder();
  expect(await latestRun(root)).toBeUndefined();
  const ids: string[] = [];
  for (const name of ['z', 'm', 'a', 'a']) {
    const journal = await Journal.create(root, run(name));
    journal.close();
    ids.push(journal.record.id);
    expect((await latestRun(root))?.id).toBe(journal.record.id);
  }
  expect([...ids].sort()).toEqual(ids);
  // A kill before `run.json` was there: not a run.
  mkdirSync(join(root, 'runs', '99990101-000000-x'));
  expect((await latestRun(root))?.id).toBe(ids.at(-1));
});

test('a torn last line is left out, and cut off before more is written', async () => {
  const root = folder();
  const journal = await Journal.create(root, run());
  const { id } = journal.record;
  journal.append(log('whole'));
  journal.close();
  const file = join(root, 'runs', id, 'events.jsonl');
  appendFileSync(file, '{"at":2,"type":"step-l');
  expect(await readEvents(root, id)).toEqual([log('whole')]);
  const again = await Journal.reopen(root, id);
  expect(again.record).toEqual(journal.record);
  again.append(log('more'));
  again.close();
  expect(await readEvents(root, id)).toEqual([log('whole'), log('more')]);
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
  await expect(Journal.reopen(root, 'none')).rejects.toThrow('there is no run "none"');
});

test('keeps at most one progress report a second of each step', async () => {
  const root = folder();
  const journal = await Journal.create(root, run());
  for (const at of [5000, 5200, 5999, 6000, 6100, 7500]) journal.append(progress(at));
  journal.close();
  expect((await readEvents(root, journal.record.id)).map(({ at }) => at)).toEqual([5000, 6000, 7500]);
});
