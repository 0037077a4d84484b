import { describe, expect, it } from 'vitest';
import { layerMatches } from '../../src/methods/layer-maps/index.js';
import type { LayerCounts } from '../../src/methods/layer-maps/layer-map.js';
import type { LayerMap } from '../../src/options/train.js';
import { StepFailure } from '../../src/util/failure.js';

const counts = { student: 4, teacher: 12 };
const matches = (...[map, ...rest]: [LayerMap | 'uniform' | 'last' | 'skip', LayerCounts, 0 | 1]): number[][] =>
  layerMatches(typeof map === 'string' ? { type: map } : map, ...rest).map(({ student, teachers }) => [
    student,
    ...teachers,
  ]);

describe('layerMatches', () => {
  it('is TinyBERT’s g(m) = m·N/M', () => {
    expect(matches('uniform', counts, 0)).toEqual([
      [0, 0],
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
    expect(matches('uniform', counts, 1)).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
      [4, 12],
    ]);
  });

  it('takes the last two, or pairs as given', () => {
    expect(matches('last', counts, 1)).toEqual([[4, 12]]);
    expect(
      matches(
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

  it('skips the last layer as PKD does', () => {
    // Sun et al. 2019, §3.2: I = {2, 4, 6, 8, 10} for 6 layers of 12.
    for (const first of [0, 1] as const) {
      expect(matches('skip', { student: 6, teacher: 12 }, first)).toEqual([
        [1, 2],
        [2, 4],
        [3, 6],
        [4, 8],
        [5, 10],
      ]);
    }
  });

  it('combines all teacher layers, or those that are given', () => {
    expect(matches({ type: 'combined' }, { student: 2, teacher: 3 }, 0)).toEqual([
      [1, 1, 2, 3],
      [2, 1, 2, 3],
    ]);
    const given = [
      { student: 0, teacher: [0] as [number] },
      { student: 2, teacher: [3, 1] as [number, number] },
    ] as const;
    expect(matches({ type: 'combined', matches: [...given] }, { student: 2, teacher: 3 }, 0)).toEqual([
      [0, 0],
      [2, 3, 1],
    ]);
  });

  it('refuses what does not fit', () => {
    expect(() => matches('uniform', { student: 5, teacher: 12 }, 0)).toThrow(StepFailure);
    expect(() => matches('uniform', { student: 5, teacher: 12 }, 0)).toThrow(
      '"uniform" cannot map 5 student layers onto 12 teacher layers',
    );
    expect(() => matches([[1, 13]], counts, 0)).toThrow(
      'layer map pair [1, 13] names teacher layer 13, but the teacher has layers 0 to 12',
    );
    expect(() => matches([[0, 3]], counts, 1)).toThrow('names student layer 0, but the student has layers 1 to 4');
    expect(() => matches('skip', { student: 5, teacher: 12 }, 1)).toThrow('"skip" cannot map 5 student layers');
    expect(() => matches('skip', { student: 1, teacher: 12 }, 1)).toThrow('the student has no other');
    expect(() => matches({ type: 'combined', matches: [{ student: 2, teacher: [3, 13] }] }, counts, 0)).toThrow(
      'the match of student layer 2 in layer map "combined" names teacher layer 13, but the teacher has layers 0 to 12',
    );
    expect(() => matches({ type: 'combined', matches: [{ student: 0, teacher: [3] }] }, counts, 1)).toThrow(
      'names student layer 0, but the student has layers 1 to 4',
    );
  });
});
