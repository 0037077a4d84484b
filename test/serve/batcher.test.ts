import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../../src/serve/batcher.js';
import { ApiError } from '../../src/serve/errors.js';

/** Of a client that stays. */
const staying = (): AbortSignal => new AbortController().signal;

/** Doubles numbers; counts passes, and lets each last until it is let go if `held`. */
function doubling(options: { most: number; waiting: number; passes?: number }, held = false) {
  const passes: number[][] = [];
  const release: (() => void)[] = [];
  const batcher = new Batcher(
    async (inputs: readonly number[]) => {
      passes.push([...inputs]);
      if (held) await new Promise<void>((resolve) => release.push(resolve));
      else await sleep(5);
      return inputs.map((x) => 2 * x);
    },
    { passes: 1, ...options },
  );
  const next = async (): Promise<void> => {
    while (release.length === 0) await sleep(1);
    release.shift()?.();
    await sleep(1);
  };
  return { passes, batcher, next };
}

describe('a batcher', () => {
  it('puts 32 requests that come together into one pass, each with its own answer', async () => {
    const { passes, batcher } = doubling({ most: 32, waiting: 100 });
    const answers = await Promise.all(Array.from({ length: 32 }, (_, i) => batcher.submit([i], staying())));
    expect(answers).toEqual(Array.from({ length: 32 }, (_, i) => [2 * i]));
    expect(passes).toHaveLength(1);
  });

  it('gathers what comes while a pass runs', async () => {
    const { passes, batcher, next } = doubling({ most: 4, waiting: 100 }, true);
    const first = batcher.submit([0], staying());
    while (passes.length === 0) await sleep(1);
    const others = [1, 2, 3, 4, 5, 6].map((i) => batcher.submit([i], staying()));
    expect(batcher.waiting).toBe(6);
    for (let i = 0; i < 3; i++) await next();
    expect(await Promise.all([first, ...others])).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => [2 * i]));
    expect(passes).toEqual([[0], [1, 2, 3, 4], [5, 6]]);
    expect(batcher.waiting).toBe(0);
  });

  it('lets requests take turns, so that a large one keeps no other out', async () => {
    const { passes, batcher, next } = doubling({ most: 2, waiting: 100 }, true);
    const large = batcher.submit([1, 2, 3, 4, 5], staying());
    const small = batcher.submit([10], staying());
    await next();
    expect(passes[0]).toEqual([1, 10]);
    expect(await small).toEqual([20]);
    for (let i = 0; i < 2; i++) await next();
    expect(await large).toEqual([2, 4, 6, 8, 10]);
  });

  it('runs several passes at once where it may, and begins another one when one ends', async () => {
    const { passes, batcher, next } = doubling({ most: 1, passes: 2, waiting: 100 }, true);
    const all = [1, 2, 3, 4].map((i) => batcher.submit([i], staying()));
    while (passes.length < 2) await sleep(1);
    await sleep(5);
    expect(passes).toEqual([[1], [2]]);
    await next();
    await sleep(5);
    expect(passes).toEqual([[1], [2], [3]]);
    for (let i = 0; i < 3; i++) await next();
    expect(await Promise.all(all)).toEqual([[2], [4], [6], [8]]);
  });

  it('refuses what is too much, with the time to wait, and takes more afterwards', async () => {
    const { passes, batcher, next } = doubling({ most: 1, waiting: 2 }, true);
    const running = batcher.submit([0], staying());
    while (passes.length === 0) await sleep(1);
    const waiting = [batcher.submit([1], staying()), batcher.submit([2], staying())];
    const refused = (): ApiError => {
      try {
        batcher.check();
      } catch (error) {
        return error as ApiError;
      }
      throw new Error('it was taken');
    };
    expect(refused().problem).toMatchObject({ status: 429, code: 'rate_limit_exceeded', retryAfter: 1 });
    expect(() => batcher.submit([3], staying())).toThrow(ApiError);
    await next();
    const later = batcher.submit([4], staying());
    for (let i = 0; i < 3; i++) await next();
    expect(await Promise.all([running, ...waiting, later])).toEqual([[0], [2], [4], [8]]);
  });

  it('forgets requests whose client has gone, and counts them no more', async () => {
    const { passes, batcher, next } = doubling({ most: 1, waiting: 2 }, true);
    const gone = new AbortController();
    const running = batcher.submit([0], gone.signal);
    while (passes.length === 0) await sleep(1);
    const waiting = batcher.submit([1], gone.signal);
    const other = batcher.submit([2], staying());
    gone.abort();
    await expect(running).rejects.toThrow('aborted');
    await expect(waiting).rejects.toThrow('aborted');
    expect(batcher.waiting).toBe(1);
    for (let i = 0; i < 2; i++) await next();
    expect(await other).toEqual([4]);
    expect(passes).toEqual([[0], [2]]);
    await expect(batcher.submit([3], gone.signal)).rejects.toThrow('aborted');
  });

  it('fails the requests of a pass that fails, and no others', async () => {
    const batcher = new Batcher(
      async (inputs: readonly number[]) => {
        await sleep(1);
        if (inputs.includes(13)) throw new Error('unlucky');
        return inputs;
      },
      { most: 2, passes: 1, waiting: 100 },
    );
    const all = [1, 13, 2, 3].map((i) => batcher.submit([i], staying()));
    const results = await Promise.allSettled(all);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });
});
