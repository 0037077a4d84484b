import { describe, expect, it } from 'vitest';
import { Random, randomBytes, streamKey } from '../../src/util/random.js';

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

describe('randomBytes', () => {
  const key = streamKey(7, 'bytes');
  const fill = (length: number, position: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    randomBytes(bytes, key, position);
    return bytes;
  };

  it('gives the same in one go and in parts', () => {
    // Also across 2³², where the upper half of the position changes, and where 2²⁸ words an update lead.
    for (const start of [0, 12345, 2 ** 32 - 5, 2 ** 28 * 1000, 3 * 2 ** 32 - 1]) {
      const whole = fill(103, start);
      const parts = Buffer.concat([fill(40, start), fill(12, start + 10), fill(51, start + 13)]);
      expect([...parts], `from ${start}`).toEqual([...whole]);
    }
  });

  it('fills views and lengths that are no multiple of four', () => {
    const buffer = new Uint8Array(16).fill(77);
    randomBytes(buffer.subarray(4, 11), key, 3);
    expect([...buffer.subarray(4, 11)]).toEqual([...fill(8, 3).subarray(0, 7)]);
    expect([...buffer.subarray(0, 4), ...buffer.subarray(11)]).toEqual(new Array(9).fill(77));
  });

  it('is uniform, byte by byte and pair by pair', () => {
    const bytes = fill(1 << 18, 99);
    for (let lane = 0; lane < 4; lane++) {
      const counts = new Array<number>(256).fill(0);
      for (let i = lane; i < bytes.length; i += 4) add(counts, bytes[i] as number);
      expect(Math.abs(deviation(counts))).toBeLessThan(4);
    }
    const pairs = new Array<number>(256).fill(0);
    for (let i = 4; i < bytes.length; i++)
      add(pairs, ((bytes[i] as number) >> 4) * 16 + ((bytes[i - 4] as number) >> 4));
    expect(Math.abs(deviation(pairs))).toBeLessThan(4);
  });

  it('differs between keys and between updates', () => {
    const a = fill(4096, 0);
    const other = new Uint8Array(4096);
    randomBytes(other, streamKey(7, 'other'), 0);
    for (const b of [other, fill(4096, 2 ** 28), fill(4096, 2 ** 32)]) {
      const equal = a.filter((x, i) => x === b[i]).length;
      expect(equal).toBeLessThan(40); // 16 expected
    }
  });
});

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
