/** How well a model's scores tell which texts belong together. */

export interface Scored {
  readonly text: string;
  /** Whether the pair of texts belongs together. */
  readonly belongs: boolean;
  readonly score: number;
}

export interface Ranking {
  /** Pairs that belong together and have others to be told from. */
  readonly asked: number;
  /** Share of them that score above all candidates of their text that do not belong to it; null if there are none. */
  readonly recallAt1: number | null;
  /** Mean of 1 / (1 + candidates that do not belong to the text and score as high or higher). */
  readonly mrr: number | null;
}

/** A pair that belongs together, among the pairs of its text that do not. */
export interface Ranked {
  /** Its place in the pairs, as are those of the rivals. */
  readonly row: number;
  readonly rivals: readonly number[];
  /** 1 if it scores above all of them. */
  readonly rank: number;
}

/**
 * Ranks each pair that belongs together and has others of the same text that do not, in the order of the pairs. Others
 * that belong to the text are left out, so that each is found by itself; equal scores count against it.
 */
export function ranksOf(pairs: readonly Scored[]): Ranked[] {
  const others = new Map<string, number[]>();
  for (const [row, { text, belongs }] of pairs.entries()) {
    if (belongs) continue;
    const own = others.get(text);
    if (own) own.push(row);
    else others.set(text, [row]);
  }
  return pairs.flatMap(({ text, belongs, score }, row): Ranked[] => {
    const rivals = others.get(text);
    if (!belongs || rivals === undefined) return [];
    return [{ row, rivals, rank: 1 + rivals.filter((rival) => (pairs[rival] as Scored).score >= score).length }];
  });
}

/** How well the pairs of `ranksOf` are found. */
export function rankingOf(pairs: readonly Scored[]): Ranking {
  const ranks = ranksOf(pairs);
  const asked = ranks.length;
  const first = ranks.filter(({ rank }) => rank === 1).length;
  const reciprocal = ranks.reduce((sum, { rank }) => sum + 1 / rank, 0);
  return asked === 0
    ? { asked, recallAt1: null, mrr: null }
    : { asked, recallAt1: first / asked, mrr: reciprocal / asked };
}

/**
 * `areaUnderCurve` of each label against the rest, the mean over those that some rows have and others have not. Null
 * where there are none.
 * @param truth of each row [labels], 1 for a label that it has; @param scores [labels], higher for likelier labels
 */
export function macroRocAuc(truth: readonly ArrayLike<number>[], scores: readonly ArrayLike<number>[]): number | null {
  const areas = Array.from({ length: truth[0]?.length ?? 0 }, (_, k) =>
    areaUnderCurve(truth.map((own, row) => ({ belongs: own[k] === 1, score: scores[row]?.[k] as number }))),
  ).filter((area) => area !== null);
  return areas.length === 0 ? null : areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/**
 * The probability that a pair that belongs together scores above one that does not, equal scores counting half: the area
 * under the receiver operating characteristic, scikit-learn's `roc_auc_score`. Null where all are of one kind.
 */
export function areaUnderCurve(pairs: readonly Omit<Scored, 'text'>[]): number | null {
  const sorted = [...pairs].sort((a, b) => a.score - b.score);
  const positives = pairs.filter(({ belongs }) => belongs).length;
  const negatives = pairs.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let [below, wins] = [0, 0];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    let [own, rivals] = [0, 0];
    for (; end < sorted.length && sorted[end]?.score === sorted[start]?.score; end++) {
      if (sorted[end]?.belongs) own++;
      else rivals++;
    }
    wins += own * (below + rivals / 2);
    below += rivals;
    start = end;
  }
  return wins / (positives * negatives);
}
