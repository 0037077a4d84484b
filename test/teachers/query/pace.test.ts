import { describe, expect, it } from 'vitest';
import { Allowance } from '../../../src/teachers/query/allowance.js';
import { Client } from '../../../src/teachers/query/client.js';
import { Pace, type PaceOptions } from '../../../src/teachers/query/pace.js';

const never = new AbortController().signal;

function paceOf(options: Partial<PaceOptions> = {}, keys = 1) {
  const all = {
    concurrency: 4,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    signal: never,
    now: () => performance.now(),
    ...options,
  };
  const client = (i: number) =>
    new Client({ baseUrl: 'http://127.0.0.1:9/v1', key: `k${i}`, timeoutMs: 1000, signal: all.signal, now: all.now });
  return new Pace(
    Array.from({ length: keys }, (_, i) => client(i)),
    all,
  );
}

describe('Allowance', () => {
  it('gives what a minute allows on average, also to those who take more than a burst', async () => {
    const allowance = new Allowance(1000, 1000);
    const began = performance.now();
    for (let i = 0; i < 4; i++) await allowance.take(250, never);
    // The first is on credit; the next three have waited for 250 each, less the burst of 100.
    const seconds = (performance.now() - began) / 1000;
    expect(seconds).toBeGreaterThan(0.6);
  });

  it('serves who comes first, whatever others take', async () => {
    const allowance = new Allowance(1000, 1000);
    await allowance.take(100, never);
    const order: number[] = [];
    const take = (i: number, count: number) => allowance.take(count, never).then(() => order.push(i));
    await Promise.all([take(0, 90), take(1, 1), take(2, 50), take(3, 1)]);
    expect(order).toEqual([0, 1, 2, 3]);
  });
});

describe('Pace', () => {
  it('lets all go at once who wait for their turn when it is told to stop', async () => {
    const control = new AbortController();
    const pace = paceOf({ requestsPerMinute: 1, signal: control.signal });
    await pace.turn(1);
    const waiting = Array.from({ length: 5 }, () => pace.turn(1).catch((error: Error) => error.name));
    const began = performance.now();
    setTimeout(() => control.abort(), 20);
    expect(await Promise.all(waiting)).toEqual(Array(5).fill('AbortError'));
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('waits quietly, however long', async () => {
    const control = new AbortController();
    let looks = 0;
    const now = () => {
      looks++;
      return performance.now();
    };
    const pace = paceOf({ signal: control.signal, now });
    pace.slowDown(await pace.turn(1), 1e13);
    looks = 0;
    const waiting = pace.turn(1).catch((error: Error) => error.name);
    setTimeout(() => control.abort(), 100);
    expect(await waiting).toBe('AbortError');
    expect(looks).toBeLessThan(5);
  });

  it('asks with the keys in turn, without those that have to wait or are refused', async () => {
    const pace = paceOf({}, 3);
    const [a, b, c] = [await pace.turn(1), await pace.turn(1), await pace.turn(1)];
    expect(new Set([a, b, c]).size).toBe(3);
    pace.slowDown(a, 60_000);
    pace.refuse(b, '401 no');
    expect([await pace.turn(1), await pace.turn(1)]).toEqual([c, c]);
    pace.refuse(c, '401 no');
    pace.refuse(a, '429 no credit');
    await expect(pace.turn(1)).rejects.toThrow('does not accept any of the 3 keys: 429 no credit; 401 no');
  });

  it('lets a quarter less be under way, once in a pause, down to one, and opens again', async () => {
    let time = 0;
    const pace = paceOf({ concurrency: 8, now: () => time });
    const key = await pace.turn(1);
    for (let i = 0; i < 5; i++) pace.slowDown(key, 1);
    expect(pace.concurrency).toBe(6);
    for (let i = 0; i < 7; i++) {
      time += 2;
      await pace.turn(1);
      pace.slowDown(key, 1);
    }
    expect(pace.concurrency).toBe(1);
    for (let i = 0; i < 200; i++) pace.succeeded(key);
    expect(pace.concurrency).toBe(8);
  });

  it('does work one after the other where only one may be under way', async () => {
    const pace = paceOf({ concurrency: 1 });
    let most = 0;
    let under = 0;
    const work = async () => {
      most = Math.max(most, ++under);
      await pace.turn(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      under--;
    };
    for (let i = 0; i < 20; i++) {
      void pace.add(work);
      await pace.roomFor(2);
    }
    await pace.idle();
    expect(most).toBe(1);
    expect(pace.isIdle).toBe(true);
  });

  it('gives the place of work that waits for its next try to other work, but sends no more requests at once', async () => {
    const pace = paceOf({ concurrency: 2 });
    let begun = 0;
    let most = 0;
    let under = 0;
    const wakes: (() => void)[] = [];
    const request = () =>
      pace.send(1, async () => {
        most = Math.max(most, ++under);
        await new Promise((resolve) => setTimeout(resolve, 2));
        under--;
      });
    const work = async () => {
      begun++;
      await request();
      const over = pace.rest();
      await new Promise<void>((resolve) => wakes.push(resolve));
      over();
      over();
      await request();
    };
    for (let i = 0; i < 20; i++) void pace.add(work);
    const turn = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    for (let i = 0; i < 500 && begun < 8; i++) await turn(10);
    await turn(50);
    // Two that rest make room for two others, and so on, up to four times as many as may be sent.
    expect(begun).toBe(8);
    for (let i = 0; i < 20; i++) {
      while (wakes.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      wakes.shift()?.();
    }
    await pace.idle();
    expect([begun, most]).toEqual([20, 2]);
  });
});
