import type { TransformerModel } from '../models/checkpoint.js';
import { greedy } from '../models/generate.js';
import { argmaxRows, confusionOf, qualityOf } from '../report/metrics.js';
import { graphAnswers } from './answers.js';
import type { CheckedRow } from './rows.js';

/** Share that a figure may lose for the graph in integers to be handed over. */
export const MAY_LOSE = 0.01;

/** What a graph in 8-bit integers keeps of the one in float32. */
export interface Shortness {
  /** What is compared: `accuracy` on rows with labels; else how often, or how much, both say the same. */
  readonly metric: 'accuracy' | 'same label' | 'same next token' | 'cosine';
  /** Of the graph in float32; 1 where the figure is a likeness to it. */
  readonly exact: number;
  readonly short: number;
  readonly rows: number;
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
  const { labels, config } = model;
  const whole = await graphAnswers(exact, model, threads);
  const coarse = await graphAnswers(short, model, threads);
  const pairs: { readonly row: CheckedRow; readonly exact: Float32Array; readonly short: Float32Array }[] = [];
  let likeness = 0;
  let compared = 0;
  try {
    for (const [i, row] of rows.entries()) {
      const [[a], [b]] = [await whole.answer([row.ids]), await coarse.answer([row.ids])] as [
        [Float32Array],
        [Float32Array],
      ];
      if (config.head === 'classifier') pairs.push({ row, exact: a, short: b });
      else if (config.head === 'none') {
        likeness += cosine(meanOf(a, config.hidden), meanOf(b, config.hidden));
        compared++;
      } else {
        const [x, y] = [argmaxRows(a, config.vocabulary), argmaxRows(b, config.vocabulary)];
        likeness += x.filter((token, k) => token === y[k]).length;
        compared += x.length;
      }
      await onRow(i + 1);
    }
  } finally {
    await whole.close();
    await coarse.close();
  }
  if (config.head !== 'classifier') {
    const metric = config.head === 'none' ? 'cosine' : 'same next token';
    return { metric, exact: 1, short: likeness / compared, rows: rows.length };
  }
  const said = (which: 'exact' | 'short'): Int32Array => Int32Array.from(pairs, (pair) => greedy(pair[which]));
  const known = pairs.every(({ row }) => row.label !== null && labels.includes(row.label));
  const truth = known ? Int32Array.from(rows, ({ label }) => labels.indexOf(label as string)) : said('exact');
  const accuracy = (predicted: Int32Array): number =>
    qualityOf(confusionOf(truth, predicted, labels.length), labels).accuracy;
  return {
    metric: known ? 'accuracy' : 'same label',
    exact: accuracy(said('exact')),
    short: accuracy(said('short')),
    rows: rows.length,
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
