import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/data/dataset.js';
import type { JsonObject } from '../../../src/util/json.js';
import { temporaryFolder } from '../../steps/context.js';
import { type BatchOptions, BatchServer } from './batch-server.js';
import { classifierAnswer, isSpam, lines, numbered, query } from './rig.js';
import { asked } from './server.js';

const start = (options: Partial<BatchOptions> = {}) => BatchServer.start({ answer: classifierAnswer, ...options });

/** The step through the Batch API. */
function batched(
  server: BatchServer,
  data: string,
  options: JsonObject = {},
  more: { root?: string; signal?: AbortSignal } = {},
) {
  const teacher = { base_url: server.url, model: 'm', ...(options.teacher as JsonObject | undefined) };
  return query(data, { rate: { retries: 2 }, ...options, teacher, batch: true }, more);
}

function account(root: string): Record<string, number> {
  const db = new Database(join(root, 'shared/answers/answers.sqlite'), { readonly: true });
  const { spent_tokens, reserved_tokens } = db.prepare('SELECT * FROM accounts').get() as Record<string, number>;
  const { noted } = db.prepare('SELECT count(*) AS noted FROM batches').get() as Record<string, number>;
  const { held } = db.prepare('SELECT count(*) AS held FROM reservations').get() as Record<string, number>;
  db.close();
  return { spent: spent_tokens, reserved: reserved_tokens, noted, held } as Record<string, number>;
}

const settled = (server: BatchServer) => ({ spent: server.billed, reserved: 0, noted: 0, held: 0 });
const plenty = { budget: { tokens: 1_000_000 } };
const plain = { task: { mode: 'classify', soft_labels: 'none' }, ...plenty };

describe('query-teacher through the Batch API', () => {
  it('asks all rows in one file, and nothing a second time', async () => {
    const server = await start({ polls: 1 });
    const data = await numbered(30);
    const { root, outputs, measured, progress } = await batched(server, data, plenty);
    expect(server.batches).toHaveLength(1);
    expect(server.batches[0]?.metadata).toMatchObject({ recipe: 'test/step' });
    const [line] = server.batches[0]?.lines ?? [];
    expect(line).toMatchObject({ method: 'POST', url: '/v1/chat/completions', body: { model: 'm', logprobs: true } });
    expect(line?.custom_id.length).toBeLessThanOrEqual(64);
    const rows = await lines<Row>(outputs.data);
    expect(rows.map(({ label }) => label)).toEqual(rows.map(({ text }) => (isSpam(text) ? 'spam' : 'ham')));
    expect(measured.usage).toMatchObject({ requests: 30 });
    expect(progress.at(-1)).toMatchObject({ done: 30, total: 30, phase: 'batch' });
    expect(account(root)).toEqual(settled(server));
    // What rows say does not stay there.
    expect(server.kept).toEqual([]);
    await batched(server, data, plenty, { root });
    expect(server.batches).toHaveLength(1);
  });

  it('goes round again for corrections, and for votes where there are no log-probabilities', async () => {
    const server = await start({
      answer: (body) => ({ text: body.messages.length === 2 && asked(body) === 'text 3' ? 'hm' : 'ham' }),
    });
    const { outputs, root } = await batched(server, await numbered(10), plenty);
    // The answers; a correction and all other votes; the corrected one's votes, with corrections of their own.
    expect(server.batches.map(({ lines: { length } }) => length).slice(0, 2)).toEqual([10, 1 + 9 * 5]);
    expect(new Set(server.batches.flatMap((batch) => batch.lines.map(({ custom_id }) => custom_id))).size).toBe(
      server.asked.length,
    );
    expect(await lines(outputs.data)).toHaveLength(10);
    expect(account(root)).toEqual(settled(server));
  });

  it('counts votes where log-probabilities are refused line by line', async () => {
    const server = await start({
      answer: () => ({ text: 'ham' }),
      result: ({ logprobs }) =>
        logprobs ? { status: 403, body: { error: { message: 'You are not allowed to request logprobs' } } } : undefined,
    });
    const { outputs, tables } = await batched(server, await numbered(4));
    expect(server.batches.map(({ lines: { length } }) => length)).toEqual([4, 20]);
    expect(await lines(outputs.data)).toHaveLength(4);
    expect(tables[0]?.notes.join()).toContain('shares of votes');
  });

  it('puts rows aside that the server refuses, with its words, and asks again what failed', async () => {
    const server = await start({
      answer: () => ({ text: 'ham' }),
      result(body, batch) {
        if (asked(body) === 'text 5') return { status: 400, body: { error: { message: 'not this text' } } };
        if (batch > 0) return undefined;
        if (asked(body) === 'text 6') return { status: 500, body: { error: { message: 'oh no' } } };
        if (asked(body) === 'text 7') return { error: { code: 'batch_expired', message: 'too late' } };
        if (asked(body) === 'text 8') return { body: { object: 'error', message: 'nothing today' } };
        return undefined;
      },
    });
    const { outputs } = await batched(server, await numbered(30), { ...plain, max_invalid: 0.1 });
    expect(server.batches.map(({ lines: { length } }) => length)).toEqual([30, 3]);
    expect(await lines(outputs.quarantine)).toEqual([
      expect.objectContaining({ text: 'text 5', reason: '400 not this text' }),
    ]);
  });

  it('fails where too many rows have no valid answer', async () => {
    const server = await start({ answer: () => ({ text: 'eggs' }) });
    const failed = batched(server, await numbered(40), { ...plain, corrections: 0 });
    await expect(failed).rejects.toMatchObject({ reason: 'invalid-answers' });
  });

  it('asks the rest of a batch that expired, and gives up one that never begins', async () => {
    const server = await start({
      status: (batch) => (batch === 0 ? 'expired' : 'completed'),
      result: (body, batch) => (batch === 0 && isSpam(asked(body)) ? null : undefined),
    });
    const { outputs, root } = await batched(server, await numbered(12), plenty);
    expect(server.batches.map(({ lines: { length } }) => length)).toEqual([12, 4]);
    expect(await lines(outputs.data)).toHaveLength(12);
    expect(account(root)).toEqual(settled(server));
    const never = await start({ status: () => 'expired', result: () => null });
    await expect(batched(never, await numbered(3))).rejects.toThrow('3 batches in a row brought no answer');
  });

  it('says why a batch failed, and sets no money aside for it', async () => {
    const server = await start({ status: () => 'failed' });
    const root = await temporaryFolder();
    await expect(batched(server, await numbered(3), plenty, { root })).rejects.toThrow(
      /batch batch_0 failed: line 1 is not JSON/,
    );
    expect(account(root)).toEqual({ spent: 0, reserved: 0, noted: 0, held: 0 });
  });

  it.each([
    ['a key that is not accepted', 'POST /files', 401, /does not accept the key: 401 not now/],
    ['files that are not taken', 'POST /files', 413, /413 not now/],
    ['batches that are not taken', 'POST /batches', 400, /400 not now/],
    ['a server that fails', 'POST /files', 500, /failed 3 times in a row/],
  ])('leaves nothing behind: %s', async (_, call, status, message) => {
    const server = await start({ fault: (each) => (each === call ? status : undefined) });
    const root = await temporaryFolder();
    const failed = batched(server, await numbered(3), plenty, { root });
    await expect(failed).rejects.toMatchObject({ name: 'StepFailure', message: expect.stringMatching(message) });
    expect(account(root)).toEqual({ spent: 0, reserved: 0, noted: 0, held: 0 });
  });

  it('is patient', async () => {
    const server = await start({
      fault: (call, count) => (call === 'GET /batches' ? undefined : [502, 'cut' as const][count]),
    });
    const { outputs } = await batched(server, await numbered(5), plain);
    expect(await lines(outputs.data)).toHaveLength(5);
    expect(server.batches).toHaveLength(1);
  });
});

describe('query-teacher through the Batch API: a process that dies', () => {
  /** A run that ends at a call, then another one. @returns what the second one left */
  async function endAt(call: string, after: 'cut' | 'cut-after', options: Partial<BatchOptions> = {}) {
    const control = new AbortController();
    const server = await start({
      ...options,
      fault: (each) => {
        if (each !== call || control.signal.aborted) return undefined;
        control.abort();
        return after;
      },
    });
    const [root, data] = [await temporaryFolder(), await numbered(8)];
    const options1 = { ...plain, max_invalid: 0.5 };
    await expect(batched(server, data, options1, { root, signal: control.signal })).rejects.toThrow(/abort/i);
    const before = account(root);
    const { outputs, logs } = await batched(server, data, options1, { root });
    return { server, root, before, outputs, logs };
  }

  it('while it waits: the batch is waited for, by its id', async () => {
    const { server, root, outputs, logs } = await endAt('GET /batches/:id', 'cut');
    expect(server.batches).toHaveLength(1);
    expect(logs.map(({ message }) => message)).toEqual(['waiting for batch batch_0, which was begun before']);
    expect(await lines(outputs.data)).toHaveLength(8);
    expect(account(root)).toEqual(settled(server));
  });

  it('after the batch began, before it hears its id: it is found by its name', async () => {
    const { server, root, outputs, before } = await endAt('POST /batches', 'cut-after');
    expect(before).toMatchObject({ noted: 1, held: 8 });
    expect(server.batches).toHaveLength(1);
    expect(await lines(outputs.data)).toHaveLength(8);
    expect(account(root)).toEqual(settled(server));
  });

  it('before the batch began: what was set aside for it is given back', async () => {
    const { server, root, outputs } = await endAt('POST /batches', 'cut');
    expect(server.batches).toHaveLength(1);
    expect(await lines(outputs.data)).toHaveLength(8);
    expect(account(root)).toEqual(settled(server));
  });

  it('when a part of the answers is kept: they are booked once', async () => {
    let contents = 0;
    const control = new AbortController();
    const server = await start({
      result: (body) =>
        asked(body) === 'text 3' ? { status: 400, body: { error: { message: 'not this text' } } } : undefined,
      fault: (call) => {
        if (call !== 'GET /files/:id/content' || ++contents !== 2) return undefined;
        control.abort();
        return 'cut';
      },
    });
    const [root, data] = [await temporaryFolder(), await numbered(8)];
    const options = { ...plain, max_invalid: 0.5 };
    await expect(batched(server, data, options, { root, signal: control.signal })).rejects.toThrow(/abort/i);
    expect(account(root)).toMatchObject({ spent: server.billed, noted: 1, held: 1 });
    const { outputs } = await batched(server, data, options, { root });
    expect(await lines(outputs.data)).toHaveLength(7);
    expect(account(root)).toEqual(settled(server));
    // The refused row is not stored, so it is asked once more; nothing else is.
    expect(server.batches.map(({ lines: { length } }) => length)).toEqual([8]);
  });

  it('finds its batch among others, on a later page', async () => {
    const server = await start();
    for (let i = 0; i < 5; i++) await batched(server, await numbered(2), { ...plain, system: `other ${i}` });
    const control = new AbortController();
    const root = await temporaryFolder();
    server.options = {
      ...server.options,
      fault: (call) => {
        if (call !== 'POST /batches' || control.signal.aborted) return undefined;
        control.abort();
        return 'cut-after';
      },
    };
    const data = await numbered(3);
    await expect(batched(server, data, plain, { root, signal: control.signal })).rejects.toThrow(/abort/i);
    for (let i = 5; i < 10; i++) await batched(server, await numbered(2), { ...plain, system: `other ${i}` });
    await batched(server, data, plain, { root });
    expect(server.batches).toHaveLength(11);
  });

  it('does not begin a batch twice when it does not hear of the first', async () => {
    const server = await start({
      fault: (call, count) => (call === 'POST /batches' && count < 1 ? 'cut-after' : undefined),
    });
    const { outputs } = await batched(server, await numbered(5), plain);
    expect(await lines(outputs.data)).toHaveLength(5);
    expect(server.batches).toHaveLength(1);
  });
});

describe('query-teacher through the Batch API: money', () => {
  it('never passes a budget that is too small for the batch, and goes on with a larger one', async () => {
    const server = await start({ answer: () => ({ text: 'ham' }) });
    const [root, data] = [await temporaryFolder(), await numbered(100)];
    const task = { mode: 'classify', soft_labels: 'none' };
    const failed = batched(server, data, { task, budget: { tokens: 3000 } }, { root });
    await expect(failed).rejects.toThrow(/no room for another question: \d+ of 3000 tokens used; [1-9]\d* of 100 rows/);
    expect(server.billed).toBeLessThanOrEqual(3000);
    expect(account(root)).toEqual(settled(server));
    const { outputs } = await batched(server, data, { task, budget: { tokens: 100_000 } }, { root });
    expect(await lines(outputs.data)).toHaveLength(100);
    expect(new Set(server.asked).size).toBe(server.asked.length);
    expect(account(root)).toEqual(settled(server));
  });
});
