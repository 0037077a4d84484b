import { describe, expect, it } from 'vitest';
import { layerPairs } from '../../src/methods/layer-map.js';
import { StepFailure } from '../../src/util/failure.js';

const counts = { student: 4, teacher: 12 };
const pairs = (...args: Parameters<typeof layerPairs>): number[][] =>
  layerPairs(...args).map(({ student, teacher }) => [student, teacher]);

describe('layerPairs', () => {
  it('is TinyBERT’s g(m) = m·N/M', () => {
    expect(pairs('uniform', counts, 0)).toEqual([
      [0, 0],
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
    expect(pairs('uniform', counts, 1)).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
  });

  it('takes the last two, or pairs as given', () => {
    expect(pairs('last', counts, 1)).toEqual([[4, 12]]);
    expect(
      pairs(
        [
          [0, 0],
          [4, 11],
        ],
        counts,
        0,
      ),
    ).toEqual([
      [0, 0],
      [4, 11],
    ]);
  });

  it('refuses what does not fit', () => {
    expect(() => pairs('uniform', { student: 5, teacher: 12 }, 0)).toThrow(StepFailure);
    expect(() => pairs('uniform', { student: 5, teacher: 12 }, 0)).toThrow(
      '"uniform" cannot map 5 student layers onto 12 teacher layers',
    );
    expect(() => pairs([[1, 13]], counts, 0)).toThrow(
      'layer map pair [1, 13] names teacher layer 13, but the teacher has layers 0 to 12',
    );
    expect(() => pairs([[0, 3]], counts, 1)).toThrow('names student layer 0, but the student has layers 1 to 4');
  });
});
