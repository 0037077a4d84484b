import { describe, expect, it } from 'vitest';
import { Random, streamKey } from '../../src/util/random.js';

/** Σ (o − e)² / e over equally likely cells, as standard deviations of its distribution. */
function deviation(counts: readonly number[]): number {
  const expected = counts.reduce((a, b) => a + b) / counts.length;
  const square = counts.reduce((s, c) => s + (c - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  return (square - freedom) / Math.sqrt(2 * freedom);
}

const add = (counts: number[], cell: number): void => {
  counts[cell] = (counts[cell] as number) + 1;
};

describe('Random', () => {
  it('is uniform', () => {
    const random = new Random(1, 'uniform');
    const counts = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) add(counts, random.below(100));
    expect(Math.abs(deviation(counts))).toBeLessThan(4);
  });

  it('goes on from its counter', () => {
    const random = new Random(1, 'state');
    for (let i = 0; i < 10; i++) random.normal();
    const again = new Random(1, 'state', random.counter);
    expect(Array.from({ length: 5 }, () => again.uniform())).toEqual(Array.from({ length: 5 }, () => random.uniform()));
    expect(again.counter).toBe(random.counter);
  });

  it('never repeats where the counter passes 2³²', () => {
    const [a, b] = [new Random(1, 'far'), new Random(1, 'far', 2 ** 32)];
    const early = new Set(Array.from({ length: 1000 }, () => a.uint32()));
    expect(Array.from({ length: 1000 }, () => b.uint32()).filter((x) => early.has(x))).toHaveLength(0);
  });

  it('has streams that share no more numbers than chance', () => {
    // 40 streams of 2¹² words: 2¹² · 2¹² / 2³² of a word a pair is expected, 3 words in all 780 pairs.
    const streams = Array.from({ length: 40 }, (_, s) => {
      const random = new Random(3, `stream ${s}`);
      return Array.from({ length: 4096 }, () => random.uint32());
    });
    expect(streams.flat().length - new Set(streams.flat()).size).toBeLessThan(30);
  });

  it('has streams that share nothing where their keys are alike', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `stream ${i}`).sort(
      (x, y) => streamKey(3, x) - streamKey(3, y),
    );
    const near = names.findIndex(
      (name, i) => i > 0 && (streamKey(3, name) ^ streamKey(3, names[i - 1] as string)) >>> 12 === 0,
    );
    const [a, b] = [names[near - 1] as string, names[near] as string].map((name) => {
      const random = new Random(3, name);
      return Array.from({ length: 4096 }, () => random.uint32());
    }) as [number[], number[]];
    const known = new Set(a);
    expect(b.filter((x) => known.has(x)).length).toBeLessThan(3);
  });

  it('shuffles evenly and keeps every item', () => {
    const random = new Random(2, 'shuffle');
    const counts = new Array<number>(25).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const order = random.shuffle([0, 1, 2, 3, 4]);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach((item, place) => {
        add(counts, item * 5 + place);
      });
    }
    expect(Math.abs(deviation(counts))).toBeLessThan(4);
  });
});
