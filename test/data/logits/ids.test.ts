import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HexList, RowIds } from '../../../src/data/logits/ids.js';

const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => n.toString(16).padStart(16, '0'));
/** Many begin alike, and so are looked for at the same place. */
const crowded = fc.oneof(
  id,
  id.map((hex) => `00000001${hex.slice(8)}`),
);

test('ids are found under the number they were added with, others are not', () => {
  fc.assert(
    fc.property(fc.array(crowded, { maxLength: 400 }), fc.array(crowded, { maxLength: 20 }), (added, others) => {
      const rows = new RowIds();
      const known = new Map<string, number>();
      for (const hex of added) {
        expect(rows.add(hex)).toBe(!known.has(hex));
        if (!known.has(hex)) known.set(hex, known.size);
      }
      expect(rows.length).toBe(known.size);
      for (const [hex, i] of known) {
        expect(rows.find(hex)).toBe(i);
        expect(rows.at(i)).toBe(hex);
        expect(rows.slice(i).toString('hex')).toBe(hex);
      }
      for (const hex of others) expect(rows.find(hex)).toBe(known.get(hex) ?? -1);
    }),
    { seed: 20252, numRuns: 60 },
  );
});

test('what is no hash is refused', () => {
  const rows = new RowIds();
  for (const wrong of ['row-1', '0123456789ABCDEF', '0123456789abcde', '0123456789abcdef0']) {
    expect(() => rows.add(wrong)).toThrow(`"${wrong}" is not the id of a row`);
  }
  expect(rows.length).toBe(0);
});

test('a list keeps what was pushed while it grows', () => {
  const list = new HexList();
  const hex = (i: number): string => (i * 0x9e3779b1).toString(16).padStart(16, '0');
  for (let i = 0; i < 1000; i++) list.push(hex(i));
  expect(Array.from({ length: 1000 }, (_, i) => list.at(i))).toEqual(Array.from({ length: 1000 }, (_, i) => hex(i)));
});
