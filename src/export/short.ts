import type { TransformerModel } from '../models/checkpoint.js';
import { greedy } from '../models/generate.js';
import { pearson } from '../report/correlation.js';
import { argmaxRows } from '../report/metrics.js';
import { graphAnswers } from './answers.js';
import type { HiddenRow } from './hidden.js';
import type { CheckedRow } from './rows.js';

/** Share that a figure may lose for the graph in integers to be handed over. */
export const MAY_LOSE = 0.01;

/** What a graph in 8-bit integers keeps of the one in float32. */
export interface Shortness {
  readonly metric: 'accuracy' | 'masked accuracy' | Likeness;
  /** Of the graph in float32; 1 where the figure is a likeness to it. */
  readonly exact: number;
  readonly short: number;
  readonly rows: number;
  /** Whether no more is lost than `MAY_LOSE`; of some likenesses nothing is asked. */
  readonly good: boolean;
}

/** How alike both are: the share of texts, labels or tokens of which they say the same, or how alike their numbers are. */
type Likeness = 'same label' | 'same decisions' | 'same token labels' | 'same next tokens' | 'cosine' | 'correlation';
/** Of these nothing is asked: what a number or a word among thousands may lose, only its user knows. */
const FREE: readonly Shortness['metric'][] = ['same next tokens', 'cosine', 'correlation'];

interface Pair {
  readonly row: CheckedRow;
  readonly exact: Float32Array;
  readonly short: Float32Array;
}

export type OnRow = (done: number) => Promise<void>;

/** Texts one by one, as they are mostly asked: what is multiplied is rounded by the largest number of a whole batch. */
export async function shortness(
  exact: string,
  short: Uint8Array,
  model: TransformerModel,
  rows: readonly CheckedRow[],
  threads: number,
  onRow: OnRow,
): Promise<Shortness> {
  const judge = judgeOf(model, rows);
  const whole = await graphAnswers(exact, model, threads);
  const coarse = await graphAnswers(short, model, threads);
  try {
    for (const [i, row] of rows.entries()) {
      const [[a], [b]] = [await whole.answer([row]), await coarse.answer([row])];
      judge.add({ row, exact: a as Float32Array, short: b as Float32Array });
      await onRow(i + 1);
    }
  } finally {
    await whole.close();
    await coarse.close();
  }
  const figures = judge.figures();
  const good = FREE.includes(figures.metric) || figures.exact - figures.short <= MAY_LOSE;
  return { ...figures, rows: rows.length, good };
}

/** Takes what both say of one row after the other; only figures are kept. */
interface Judge {
  add(pair: Pair): void;
  figures(): Pick<Shortness, 'metric' | 'exact' | 'short'>;
}

function judgeOf({ config, labels }: TransformerModel, rows: readonly CheckedRow[]): Judge {
  const tokens = (width: number) => (values: Float32Array) => argmaxRows(values, width);
  switch (config.head) {
    case 'classifier': {
      const known = rows.every(({ label }) => label !== null && labels.includes(label));
      return known ? accuracy(labels) : shareOf('same label', (logits) => [greedy(logits)]);
    }
    case 'multi-label':
      return shareOf('same decisions', (logits) => Array.from(logits, (x) => Number(x > 0)));
    case 'token-classifier':
      return shareOf('same token labels', tokens(config.labels));
    case 'masked-language-model':
      return maskedAccuracy(config.vocabulary);
    case 'language-model':
      return shareOf('same next tokens', tokens(config.vocabulary));
    case 'regression':
      return correlation();
    case 'none':
    case 'embedding':
      return likeness(config.hidden);
  }
}

function accuracy(labels: readonly string[]): Judge {
  const right = { exact: 0, short: 0 };
  let rows = 0;
  return {
    add({ row, exact, short }) {
      const label = labels.indexOf(row.label as string);
      right.exact += Number(greedy(exact) === label);
      right.short += Number(greedy(short) === label);
      rows++;
    },
    figures: () => ({ metric: 'accuracy', exact: right.exact / rows, short: right.short / rows }),
  };
}

/** The share of hidden tokens that are told, of rows that have such. */
function maskedAccuracy(vocabulary: number): Judge {
  const right = { exact: 0, short: 0 };
  let all = 0;
  return {
    add({ row, exact, short }) {
      const { places, hidden } = row as HiddenRow;
      for (const [i, place] of places.entries()) {
        const told = (values: Float32Array) => greedy(values.subarray(place * vocabulary, (place + 1) * vocabulary));
        right.exact += Number(told(exact) === hidden[i]);
        right.short += Number(told(short) === hidden[i]);
      }
      all += places.length;
    },
    figures: () => ({ metric: 'masked accuracy', exact: right.exact / all, short: right.short / all }),
  };
}

/** @param decide what is said, number by number */
function shareOf(metric: Likeness, decide: (values: Float32Array) => ArrayLike<number>): Judge {
  let [same, all] = [0, 0];
  return {
    add({ exact, short }) {
      const [a, b] = [decide(exact), decide(short)];
      for (let i = 0; i < a.length; i++) same += Number(a[i] === b[i]);
      all += a.length;
    },
    figures: () => ({ metric, exact: 1, short: same / all }),
  };
}

function correlation(): Judge {
  const [a, b]: [number[], number[]] = [[], []];
  return {
    add({ exact, short }) {
      a.push(exact[0] as number);
      b.push(short[0] as number);
    },
    figures: () => ({ metric: 'correlation', exact: 1, short: pearson(Float64Array.from(a), Float64Array.from(b)) }),
  };
}

/** Of embeddings: the mean cosine of the means over a text's tokens. */
function likeness(width: number): Judge {
  let [sum, rows] = [0, 0];
  return {
    add({ exact, short }) {
      sum += cosine(meanOf(exact, width), meanOf(short, width));
      rows++;
    },
    figures: () => ({ metric: 'cosine', exact: 1, short: sum / rows }),
  };
}

/** Mean of rows [n, width]. */
function meanOf(rows: Float32Array, width: number): Float64Array {
  const sum = new Float64Array(width);
  rows.forEach((x, i) => {
    sum[i % width] = (sum[i % width] as number) + x;
  });
  return sum;
}

function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
