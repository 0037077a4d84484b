import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { JobLog } from '../../src/engine/job-log.js';

const folder = mkdtempSync(join(tmpdir(), 'recipe-job-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a log is written line by line, its secrets hidden', async () => {
  const path = join(folder, 'step.log');
  const log = new JobLog(path, (text) => text.replace('secret', '***'));
  log.write('out', 'a sec');
  log.write('out', 'ret\nand');
  log.write('err', 'wrong\n');
  await log.close();
  expect(readFileSync(path, 'utf8')).toBe('a ***\nwrong\nand\n');
  expect(log.tail()).toEqual(['wrong']);
});

test('a log whose folder is gone stops nothing', async () => {
  const log = new JobLog(join(folder, 'gone', 'step.log'), (text) => text);
  log.write('err', 'one\n');
  await new Promise((resolve) => setTimeout(resolve, 50));
  log.write('err', 'two\n');
  await log.close();
  expect(log.tail()).toEqual(['one', 'two']);
});
