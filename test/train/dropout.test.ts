import { describe, expect, it } from 'vitest';
import { DropoutMasks } from '../../src/train/dropout.js';
import { mix } from '../../src/util/hash.js';
import { streamKey } from '../../src/util/random.js';

const key = streamKey(7, 'dropout');
const ZEROED = 26; // a rate of 0.1

/** The masks by their definition: byte i of word position + ⌊i/4⌋ is kept if it is at least `zeroed`. */
function byDefinition(n: number, position: number, zeroed: number): number[] {
  const high = mix(key ^ Math.imul(Math.floor(position / 2 ** 32) + 1, 0x9e3779b9));
  return Array.from({ length: n }, (_, i) => {
    const word = mix(high ^ Math.imul(((position % 2 ** 32) + Math.floor(i / 4)) >>> 0, 0x9e3779b1));
    return ((word >>> (8 * (i % 4))) & 255) >= zeroed ? 1 : 0;
  });
}

const fill = (shapes: number[][], update: number, zeroed = ZEROED, stream = key): number[][] =>
  new DropoutMasks()
    .fill(
      shapes.map((shape) => ({ shape, zeroed })),
      stream,
      update,
    )
    .map(({ data }) => [...data]);

describe('dropout masks', () => {
  it('are what they are defined as, site after site, at any update', () => {
    for (const update of [0, 1, 3, 4, 5, 40_000]) {
      const [a, b, c] = fill([[3, 7], [16], [5, 2, 9]], update) as [number[], number[], number[]];
      const position = update * 2 ** 30;
      expect(a).toEqual(byDefinition(21, position, ZEROED));
      expect(b).toEqual(byDefinition(16, position + 6, ZEROED));
      expect(c).toEqual(byDefinition(90, position + 10, ZEROED));
    }
  });

  it('keep all at 0 and drop about half at 128', () => {
    expect(fill([[1000]], 3, 0)).toEqual([new Array(1000).fill(1)]);
    const kept = fill([[100_000]], 3, 128)[0]?.reduce((a, b) => a + b) as number;
    expect(Math.abs(kept - 50_000)).toBeLessThan(4 * Math.sqrt(25_000));
  });

  it('drop evenly, whatever the place in a word', () => {
    const mask = fill([[1 << 18]], 99)[0] as number[];
    for (let lane = 0; lane < 16; lane++) {
      const n = 1 << 14;
      const dropped = Array.from({ length: n }, (_, i) => 1 - (mask[i * 16 + lane] as number)).reduce((a, b) => a + b);
      const expected = (n * ZEROED) / 256;
      expect(Math.abs(dropped - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
  });

  it('differ between streams and updates', () => {
    const a = fill([[4096]], 0, 128)[0] as number[];
    for (const other of [
      fill([[4096]], 0, 128, streamKey(7, 'other')),
      fill([[4096]], 1, 128),
      fill([[4096]], 4, 128),
    ]) {
      const equal = a.filter((x, i) => x === other[0]?.[i]).length;
      expect(Math.abs(equal - 2048)).toBeLessThan(4 * 32);
    }
  });

  it('of a larger batch come from a larger memory', () => {
    const masks = new DropoutMasks();
    masks.fill([{ shape: [10], zeroed: ZEROED }], key, 0);
    const [large] = masks.fill([{ shape: [200_000], zeroed: ZEROED }], key, 5);
    expect([...(large?.data ?? [])]).toEqual(byDefinition(200_000, 5 * 2 ** 30, ZEROED));
  });

  it('that no memory can hold are refused, with what to change', () => {
    expect(() => new DropoutMasks().fill([{ shape: [2 ** 20, 2 ** 12], zeroed: ZEROED }], key, 0)).toThrow(
      'the dropout masks of one update would take 4.3 GB',
    );
  });
});
