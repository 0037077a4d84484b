import { describe, expect, it } from 'vitest';
import { areaUnderCurve, rankingOf, type Scored } from '../../src/report/ranking.js';
import { goldenJson } from '../models/tiny.js';

/** By scikit-learn, and by counting (`golden/matching.py`). */
const { ranking } = goldenJson<{
  readonly ranking: {
    readonly pairs: readonly Scored[];
    readonly asked: number;
    readonly recallAt1: number;
    readonly mrr: number;
    readonly auc: number;
  };
}>('matching.json');

describe('rankings', () => {
  it('are those that counting gives', () => {
    const found = rankingOf(ranking.pairs);
    expect(found.asked).toBe(ranking.asked);
    expect(found.recallAt1).toBeCloseTo(ranking.recallAt1, 12);
    expect(found.mrr).toBeCloseTo(ranking.mrr, 12);
  });

  it('count an equal score against a pair', () => {
    const pair = (belongs: boolean, score: number): Scored => ({ text: 't', belongs, score });
    expect(rankingOf([pair(true, 1), pair(false, 1)])).toEqual({ asked: 1, recallAt1: 0, mrr: 0.5 });
    expect(rankingOf([pair(true, 1)])).toEqual({ asked: 0, recallAt1: null, mrr: null });
  });

  it('have scikit-learn’s area under the curve, ties included', () => {
    expect(areaUnderCurve(ranking.pairs)).toBeCloseTo(ranking.auc, 12);
    expect(areaUnderCurve([{ belongs: true, score: 1 }])).toBeNull();
  });
});
