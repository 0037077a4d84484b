import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'libsql';
import { expect, it, onTestFinished } from 'vitest';
import { Answers } from '../../../src/teachers/query/answers.js';
import { keyOf } from '../../../src/teachers/query/key.js';
import type { Question, Reply } from '../../../src/teachers/query/reply.js';
import { temporaryFolder } from '../../steps/context.js';

const question = (text: string): Question => ({
  base_url: 'http://127.0.0.1/v1',
  model: 'm',
  messages: [{ role: 'user', content: text }],
  parameters: {},
});
const reply: Reply = { choices: [{ text: 'spam', finish: 'stop' }], usage: { prompt: 10, cached: 0, completion: 2 } };
const cost = { nanousd: 5, tokens: 12 };

/** Answers, and another connection to their file. */
async function store() {
  const path = join(await temporaryFolder(), 'answers.sqlite');
  const answers = Answers.open(path, 'recipe/step', {}, () => performance.now());
  const other = new Database(path, { timeout: 5000 });
  onTestFinished(async () => {
    other.close();
    await answers.close();
  });
  return { answers, other, path };
}

it('writes all of a group or nothing, and says why as SQLite does', async () => {
  const { answers, other } = await store();
  other.exec(`CREATE TRIGGER picky BEFORE INSERT ON answers WHEN new.messages LIKE '%bad%'
    BEGIN SELECT RAISE(ABORT, 'not this one'); END`);
  const reserved = await answers.reserve(keyOf(question('good')), cost);
  const kept = [
    answers.receive(question('good'), reply, cost, reserved),
    answers.receive(question('bad'), reply, cost, undefined),
  ];
  for (const { status, reason } of (await Promise.allSettled(kept)) as PromiseRejectedResult[]) {
    expect(status).toBe('rejected');
    expect(reason).toMatchObject({ message: 'not this one', code: 'SQLITE_CONSTRAINT_TRIGGER' });
  }
  expect(answers.get(keyOf(question('good')))).toBeUndefined();
  expect(answers.balance()).toEqual({ spent: { nanousd: 0, tokens: 0 }, reserved: cost });
  await answers.receive(question('good'), reply, cost, reserved);
  expect(answers.get(keyOf(question('good')))).toEqual(reply);
  expect(answers.balance()).toEqual({ spent: cost, reserved: { nanousd: 0, tokens: 0 } });
});

it('lets the step go on while it waits for the file, but not without bound', async () => {
  const { answers, other } = await store();
  const received = new Set<number>();
  const receive = (i: number) =>
    answers.receive(question(`q${i}`), reply, cost, undefined).then(() => void received.add(i));
  other.exec('BEGIN IMMEDIATE');
  const kept = [receive(0)];
  expect(answers.isBehind).toBe(false);
  await sleep(150);
  kept.push(...Array.from({ length: 300 }, (_, i) => receive(i + 1)));
  expect(received.size).toBe(0);
  expect(answers.isBehind).toBe(true);
  let free = false;
  const caughtUp = answers.caughtUp().then(() => {
    free = true;
  });
  await sleep(50);
  expect(free).toBe(false);
  other.exec('COMMIT');
  await caughtUp;
  await Promise.all(kept);
  expect(answers.isBehind).toBe(false);
  expect(other.prepare('SELECT count(*) AS count FROM answers').get()).toMatchObject({ count: 301 });
});

it('writes what waits when it is closed', async () => {
  const { answers, other } = await store();
  const kept = ['a', 'b'].map((text) => answers.receive(question(text), reply, cost, undefined));
  await answers.close();
  await Promise.all(kept);
  expect(other.prepare('SELECT count(*) AS count FROM answers').get()).toMatchObject({ count: 2 });
});

it('sees what others wrote, also of what it knew it did not have', async () => {
  const { answers, path } = await store();
  const another = Answers.open(path, 'recipe/another', {}, () => performance.now());
  onTestFinished(() => another.close());
  answers.lookAhead(['a', 'b'].map((text) => keyOf(question(text))));
  expect(answers.get(keyOf(question('a')))).toBeUndefined();
  await another.receive(question('a'), reply, cost, undefined);
  await sleep(30);
  expect(answers.get(keyOf(question('a')))).toEqual(reply);
  expect(answers.get(keyOf(question('b')))).toBeUndefined();
});

it('tells whoever waits that the file cannot be opened', async () => {
  const { answers, path, other } = await store();
  other.close();
  for (const end of ['', '-wal', '-shm']) await rm(`${path}${end}`);
  await mkdir(path);
  await expect(answers.receive(question('a'), reply, cost, undefined)).rejects.toThrow(
    /unable to open connection to .*answers.sqlite/i,
  );
});
