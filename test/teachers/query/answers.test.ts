import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Answers } from '../../../src/teachers/query/answers.js';
import { keyOf } from '../../../src/teachers/query/key.js';
import type { Budget } from '../../../src/teachers/query/ledger.js';
import { costOf, plausible, upperBound } from '../../../src/teachers/query/price.js';
import type { Question, Reply } from '../../../src/teachers/query/reply.js';
import type { JsonObject } from '../../../src/util/json.js';
import { temporaryFolder } from '../../steps/context.js';

const question = (text: string): Question => ({
  base_url: 'http://127.0.0.1/v1',
  model: 'm',
  messages: [{ role: 'user', content: text }],
  parameters: { temperature: 0 },
});
const reply: Reply = { choices: [{ text: 'spam', finish: 'stop' }], usage: { prompt: 10, cached: 0, completion: 2 } };
const amount = (nanousd: number, tokens = 1) => ({ nanousd, tokens });

async function store(budget: Budget = {}, account = 'recipe/step', file?: string) {
  const path = file ?? join(await temporaryFolder(), 'a', 'answers.sqlite');
  const answers = Answers.open(path, account, budget, () => Date.UTC(2026, 10, 24));
  onTestFinished(() => answers.close());
  return { answers, path };
}

describe('Answers', () => {
  it('keeps an answer under what was asked, readable for others', async () => {
    const { answers, path } = await store();
    expect(answers.get(keyOf(question('a')))).toBeUndefined();
    await answers.receive(question('a'), reply, amount(1_500, 12), undefined);
    expect(answers.get(keyOf(question('a')))).toEqual(reply);
    expect(answers.get(keyOf(question('b')))).toBeUndefined();
    const other = new Database(path, { readonly: true });
    expect(
      other.prepare('SELECT model, answer, prompt_tokens, usd, account, received FROM answers').get(),
    ).toMatchObject({
      model: 'm',
      answer: 'spam',
      prompt_tokens: 10,
      usd: 0.0000015,
      account: 'recipe/step',
      received: '2026-11-24T00:00:00.000Z',
    });
    other.close();
  });

  it('names a question by all that the answer depends on', () => {
    const base = question('a');
    const others: Question[] = [
      { ...base, base_url: 'http://127.0.0.2/v1' },
      { ...base, model: 'n' },
      { ...base, messages: [{ role: 'system', content: 'a' }] },
      { ...base, parameters: { temperature: 1 } },
      { ...base, sample: 0 },
    ];
    expect(new Set([base, ...others].map(keyOf)).size).toBe(6);
    const turned = { parameters: base.parameters, messages: base.messages, model: 'm', base_url: base.base_url };
    expect(keyOf(turned)).toBe(keyOf(base));
  });

  it('sets aside no more than the budget has, and books what it was', async () => {
    const { answers } = await store({ usd: 1e-6 });
    const first = await answers.reserve('a', amount(600));
    expect(first).toBeDefined();
    expect(await answers.reserve('b', amount(600))).toBeUndefined();
    await answers.receive(question('a'), reply, amount(100, 12), first);
    expect(answers.balance()).toEqual({ spent: amount(100, 12), reserved: amount(0, 0) });
    const second = await answers.reserve('b', amount(900));
    expect(second).toBeDefined();
    await answers.release(second as number);
    expect(answers.balance().reserved).toEqual(amount(0, 0));
    expect(await answers.reserve('b', amount(901))).toBeUndefined();
  });

  it('bounds tokens as well', async () => {
    const { answers } = await store({ tokens: 10 });
    expect(await answers.reserve('a', amount(0, 6))).toBeDefined();
    expect(await answers.reserve('b', amount(0, 5))).toBeUndefined();
    expect(await answers.reserve('b', amount(0, 4))).toBeDefined();
  });

  it('shares a budget between processes, and none between steps', async () => {
    const { answers, path } = await store({ usd: 1e-6 });
    const { answers: same } = await store({ usd: 1e-6 }, 'recipe/step', path);
    const { answers: other } = await store({ usd: 1e-6 }, 'recipe/other', path);
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? answers : same).reserve(`q${i}`, amount(100))),
    );
    expect(made.filter((reservation) => reservation !== undefined)).toHaveLength(10);
    expect(await other.reserve('q', amount(1000))).toBeDefined();
  });

  it('keeps what was set aside for a request of unknown end', async () => {
    const { answers, path } = await store({ usd: 1e-6 });
    await answers.reserve('a', amount(700));
    await answers.close();
    const { answers: again } = await store({ usd: 1e-6 }, 'recipe/step', path);
    expect(again.balance().reserved).toEqual(amount(700));
    expect(await again.reserve('b', amount(400))).toBeUndefined();
  });

  it('remembers batches until they are in', async () => {
    const { answers, path } = await store();
    await answers.beginBatch('batch_1', 'http://a/v1', { key: 7 });
    const { answers: again } = await store({}, 'recipe/step', path);
    expect(again.batches('http://b/v1')).toEqual([]);
    expect(again.batches('http://a/v1')).toEqual([
      { id: 'batch_1', requests: { key: 7 }, created: Date.UTC(2026, 10, 24) },
    ]);
    await again.endBatch('batch_1');
    expect(answers.batches('http://a/v1')).toEqual([]);
  });
});

describe('prices', () => {
  const price = { input: 0.15, cached_input: 0.075, output: 0.6 };
  it('are exact to a billionth of a dollar, rounded up', () => {
    expect(costOf({ prompt: 1000, cached: 0, completion: 500 }, price)).toEqual({ nanousd: 450_000, tokens: 1500 });
    expect(costOf({ prompt: 1000, cached: 400, completion: 0 }, price).nanousd).toBe(120_000);
    expect(costOf({ prompt: 1, cached: 0, completion: 0 }, { input: 0.0001, output: 0 }).nanousd).toBe(1);
    expect(costOf({ prompt: 7, cached: 0, completion: 3 }, undefined)).toEqual({ nanousd: 0, tokens: 10 });
  });

  it('have an upper bound that no tokeniser passes', () => {
    const asked = (parameters: JsonObject) => upperBound({ ...question('grüße 🙂'), parameters });
    const { prompt, completion } = asked({ max_tokens: 8, n: 5 });
    expect(prompt).toBeGreaterThanOrEqual(Buffer.byteLength('grüße 🙂'));
    expect(completion).toBe(40);
    expect(asked({ max_completion_tokens: 9 }).completion).toBe(9);
    expect(asked({ max_tokens: 8, response_format: { a: 'b' } }).prompt).toBeGreaterThan(prompt);
  });

  it('take the bound where the server tells what cannot be', () => {
    const bound = upperBound({ ...question('hello'), parameters: { max_tokens: 8 } });
    const good = { prompt: 9, cached: 4, completion: 2 };
    expect(plausible(good, bound)).toBe(good);
    for (const bad of [
      undefined,
      { ...good, prompt: -1 },
      { ...good, cached: 10 },
      { ...good, completion: 1e12 },
      { ...good, prompt: Number.NaN },
    ]) {
      expect(plausible(bad, bound)).toBe(bound);
    }
  });
});
