import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Answers } from '../../../src/teachers/query/answers.js';
import { Asker, OutOfBudget, type Request } from '../../../src/teachers/query/asker.js';
import { Client } from '../../../src/teachers/query/client.js';
import type { Budget } from '../../../src/teachers/query/ledger.js';
import { Pace } from '../../../src/teachers/query/pace.js';
import { temporaryFolder } from '../../steps/context.js';
import { serve } from './rig.js';
import type { TeacherServer } from './server.js';

const asking = (text: string): Request => ({
  question: {
    base_url: 'here',
    model: 'm',
    messages: [{ role: 'user', content: text }],
    parameters: { max_tokens: 10 },
  },
});
/** Prompt bytes, 16 for the message and 16 for the whole, and the answer. */
const MOST = 4 + 32 + 10;

async function askerOf(server: TeacherServer, budget: Budget, file?: string) {
  const path = file ?? join(await temporaryFolder(), 'answers.sqlite');
  const answers = Answers.open(path, 'recipe/step', budget, () => performance.now());
  onTestFinished(() => answers.close());
  const { signal } = new AbortController();
  const now = () => performance.now();
  const client = new Client({ baseUrl: server.url, key: undefined, timeoutMs: 5000, signal, now });
  const options = { concurrency: 4, requestsPerMinute: undefined, tokensPerMinute: undefined, signal, now };
  const pace = new Pace([client], options);
  const bounded = budget.tokens !== undefined;
  return { asker: new Asker({ answers, pace, price: undefined, bounded, retries: 0, signal }), answers, pace, path };
}

describe('Asker', () => {
  it('waits for money that who waits for its turn has set aside and will not need', async () => {
    const server = await serve({ answer: () => ({ text: 'ham' }) });
    const { asker, pace } = await askerOf(server, { tokens: MOST + 15 });
    pace.slowDown(await pace.turn(1), 200);
    const replies = await Promise.all(['aaaa', 'bbbb'].map((text) => asker.ask(asking(text))));
    expect(replies.map(({ reply }) => reply.choices[0]?.text)).toEqual(['ham', 'ham']);
    await Promise.all(replies.map(({ kept }) => kept));
    await expect(asker.ask(asking('cccc'))).rejects.toThrow(OutOfBudget);
    expect(asker.balance().reserved.tokens).toBe(0);
  });

  it('asks a question once at a time, whatever becomes of it', async () => {
    const server = await serve({
      latency: 20,
      answer: () => ({ text: 'ham' }),
      fault: ({ body }) => (body.messages[0]?.content === 'bad' ? 'bad-request' : undefined),
    });
    const { asker } = await askerOf(server, { tokens: 10_000 });
    const good = await Promise.all([1, 2, 3].map(() => asker.ask(asking('good'))));
    expect(new Set(good.map(({ reply }) => JSON.stringify(reply))).size).toBe(1);
    const bad = await Promise.all([1, 2, 3].map(() => asker.ask(asking('bad')).catch((error: Error) => error.message)));
    expect(new Set(bad).size).toBe(1);
    expect(server.requests).toBe(2);
  });

  it('sets nothing aside for what is answered, or is there twice', async () => {
    const server = await serve({ answer: () => ({ text: 'ham' }) });
    const { asker } = await askerOf(server, { tokens: 10_000 });
    await (await asker.ask(asking('aaaa'))).kept;
    expect(await asker.prepare(['aaaa', 'bbbb', 'bbbb', 'cccc'].map(asking))).toBe(4);
    expect(asker.balance().reserved.tokens).toBe(2 * MOST);
    await asker.forget();
    expect(asker.balance().reserved.tokens).toBe(0);
  });

  it('says how many of some requests there is room for, also where one is there twice', async () => {
    const server = await serve();
    const { asker } = await askerOf(server, { tokens: 2 * MOST });
    expect(await asker.prepare(['aaaa', 'bbbb', 'aaaa', 'cccc', 'bbbb'].map(asking))).toBe(3);
    expect(asker.balance().reserved.tokens).toBe(2 * MOST);
  });

  it("takes another process's answer that was kept first, and books its own", async () => {
    let count = 0;
    const server = await serve({ answer: () => ({ text: ++count === 1 ? 'ham' : 'spam' }) });
    const one = await askerOf(server, { tokens: 10_000 });
    const two = await askerOf(server, { tokens: 10_000 }, one.path);
    two.pace.slowDown(await two.pace.turn(1), 200);
    const late = two.asker.ask(asking('aaaa'));
    await (await one.asker.ask(asking('aaaa'))).kept;
    const { reply, kept } = await late;
    await kept;
    expect(server.requests).toBe(2);
    expect(reply.choices[0]?.text).toBe('ham');
    const tokens = server.billed.prompt + server.billed.completion;
    expect(one.asker.balance()).toMatchObject({ spent: { tokens }, reserved: { tokens: 0 } });
  });
});
