import type { Json } from '../util/json.js';
import type { Ranked } from './ranking.js';
import type { RowAnswers } from './row-answers.js';
import { beginningOf, type TaskMistake, worstRows } from './worst.js';

/** A test row: two texts, and whether the second belongs to the first. */
export interface MatchRow {
  readonly id: string;
  readonly text: string;
  readonly pair: string;
  readonly belongs: boolean;
  readonly fields?: Readonly<Record<string, string>>;
}

/** A model's scores of the rows, and the ranks that they give to the pairs that are sought. */
export interface RankedBy {
  readonly name: string;
  readonly scores: Float64Array;
  readonly ranks: readonly Ranked[];
}

/** A pair that belongs together, and that a model does not rank first. */
export interface WrongMatch extends TaskMistake {
  /** Of the right pair, and among how many, itself included. */
  readonly rank: number;
  readonly candidates: number;
}

/** What `predictions.jsonl` has a line of: a text, what is sought for it, and each model's ranks of that. */
type TextAnswers = Pick<RowAnswers, 'ids' | 'truth' | 'answers'> & {
  /** Of each text the pairs that are sought, as places in the ranks. */
  readonly places: readonly (readonly number[])[];
};

/**
 * Ranks by text. A text is what is drawn for intervals: pairs of one text have the same rivals, and would be found
 * together or not at all.
 */
export function textAnswers(rows: readonly MatchRow[], models: readonly Pick<RankedBy, 'ranks'>[]): TextAnswers {
  const ranks = models[0]?.ranks ?? [];
  const idOf = (row: number): string => (rows[row] as MatchRow).id;
  const byText = new Map<string, number[]>();
  for (const [place, { row }] of ranks.entries()) {
    const { text } = rows[row] as MatchRow;
    byText.set(text, [...(byText.get(text) ?? []), place]);
  }
  const places = [...byText.values()];
  const truth = places.map((own) => {
    const [first] = own.map((place) => ranks[place] as Ranked) as [Ranked];
    return { belong: own.map((place) => idOf((ranks[place] as Ranked).row)), others: first.rivals.map(idOf) };
  });
  return {
    places,
    ids: truth.map(({ belong }) => belong[0] as string),
    truth,
    answers: models.map((model) => places.map((own) => own.map((place) => (model.ranks[place] as Ranked).rank))),
  };
}

/**
 * Lines of `predictions.jsonl`: of each text that has pairs of its own and others the id of its first pair, the ids of
 * all, and of each model the ranks of those that belong to it with their scores.
 */
export function* matchLines(rows: readonly MatchRow[], models: readonly RankedBy[]): Generator<string> {
  const { ids, truth, answers, places } = textAnswers(rows, models);
  for (const [text, id] of ids.entries()) {
    const predictions = models.map(({ name, scores, ranks }, m): Json => {
      const own = (places[text] as readonly number[]).map((place) => scores[(ranks[place] as Ranked).row] as number);
      return {
        model: name,
        answer: answers[m]?.[text] as Json,
        scores: own.map((score) => Number(score.toPrecision(7))),
      };
    });
    yield `${JSON.stringify({ id, truth: truth[text], predictions })}\n`;
  }
}

/** The texts whose own pair is ranked lowest; of those with one rank first where another scores higher by most. */
export function worstMatches(rows: readonly MatchRow[], model: RankedBy, teacher: RankedBy | undefined): WrongMatch[] {
  const pairOf = (row: number): string => beginningOf((rows[row] as MatchRow).pair);
  const sought = model.ranks.map(({ row }) => rows[row] as MatchRow);
  const badness = Float64Array.from(model.ranks, (own) => {
    if (own.rank === 1) return 0;
    const margin = (model.scores[firstOf(own, model)] as number) - (model.scores[own.row] as number);
    return own.rank + margin / (1 + margin);
  });
  return worstRows(sought, badness).map((place): WrongMatch => {
    const { id, text } = sought[place] as MatchRow;
    const own = model.ranks[place] as Ranked;
    const above = teacher?.ranks[place];
    return {
      id,
      text: beginningOf(text),
      truth: pairOf(own.row),
      answer: pairOf(firstOf(own, model)),
      rank: own.rank,
      candidates: 1 + own.rivals.length,
      teacher: teacher && above ? { answer: pairOf(firstOf(above, teacher)), rank: above.rank } : null,
    };
  });
}

/** The row that scores highest; the first rival of several. */
function firstOf({ row, rivals, rank }: Ranked, { scores }: Pick<RankedBy, 'scores'>): number {
  if (rank === 1) return row;
  return rivals.reduce((best, rival) => ((scores[rival] as number) > (scores[best] as number) ? rival : best));
}
