import fc from 'fast-check';
import { expect, test } from 'vitest';
import { highBits, joinIds, splitIds } from '../../../src/data/logits/token-ids.js';

const SEED = 20251;

/** A vocabulary, and ids of it in groups. */
const grouped = fc
  .record({
    vocabulary: fc.integer({ min: 2, max: 2 ** 22 }),
    group: fc.integer({ min: 1, max: 70 }),
    groups: fc.nat(4),
  })
  .chain(({ vocabulary, group, groups }) =>
    fc.record({
      vocabulary: fc.constant(vocabulary),
      group: fc.constant(group),
      ids: fc.array(fc.oneof(fc.nat(vocabulary - 1), fc.constant(vocabulary - 1)), {
        minLength: group * groups,
        maxLength: group * groups,
      }),
    }),
  );

test('ids come back, whatever the vocabulary and the group', () => {
  fc.assert(
    fc.property(grouped, ({ vocabulary, group, ids }) => {
      const bits = highBits(vocabulary);
      const split = splitIds(ids, group, bits);
      expect([...joinIds(split, group, bits)]).toEqual(ids);
      expect(split.low).toHaveLength(ids.length);
      expect(split.high).toHaveLength((ids.length / group) * Math.ceil((group * bits) / 8));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('a vocabulary takes as few bits as it can', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 2 ** 24 }), (vocabulary) => {
      const bits = highBits(vocabulary);
      expect(vocabulary - 1).toBeLessThan(2 ** (16 + bits));
      if (bits > 0) expect(vocabulary - 1).toBeGreaterThanOrEqual(2 ** (15 + bits));
    }),
    { seed: SEED, numRuns: 300 },
  );
  const known = [50_257, 65_536, 65_537, 128_256, 131_072, 131_073, 151_936, 262_144];
  expect(known.map(highBits)).toEqual([0, 0, 1, 1, 1, 2, 2, 2]);
});

test('the upper bits begin at the least significant bit of a byte, and each group with a byte of its own', () => {
  // Upper halves 1, 0, 1 and 0, 1, 1: as numpy.unpackbits(high, axis=1, bitorder="little") has them.
  const { low, high } = splitIds([65_536, 7, 65_539, 1, 65_537, 131_071], 3, 1);
  expect([...low]).toEqual([0, 7, 3, 1, 1, 65_535]);
  expect([...high]).toEqual([0b101, 0b110]);
  expect([...splitIds([0x2_0000, 0x1_0000, 0x3_0000], 3, 2).high]).toEqual([0b110110]);
});

test('no ids take no bytes', () => {
  const split = splitIds([], 0, 1);
  expect([split.low.length, split.high.length]).toEqual([0, 0]);
  expect([...joinIds(split, 0, 1)]).toEqual([]);
});
