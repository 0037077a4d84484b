import type { Exactness } from '../exact.js';
import type { Pipeline } from '../form.js';
import type { Shortness } from '../short.js';

/** What is known of an exported folder, whatever kind of model it holds. */
export interface Facts {
  /** `bert`, `logistic`, … */
  readonly type: string;
  /** Undefined of what no pipeline of transformers loads. */
  readonly pipeline: Pipeline | undefined;
  /** Of a classifier. */
  readonly labels: readonly string[];
  readonly parameters: number;
  /** Rows that it learnt from, how many of them had a real label, and how many a model wrote; undefined where its folder does not say. */
  readonly trainedOn: { readonly rows: number; readonly labelled: number; readonly synthetic?: number } | undefined;
  /** Whether it reads two texts at once. */
  readonly pairs: boolean;
  /** Tokens that are read of a text. */
  readonly maxLength: number | undefined;
  /** Bytes of the files that hold weights, by path. */
  readonly files: Readonly<Record<string, number>>;
  readonly exactness: Exactness;
  /** Undefined where no graph in integers was asked for. */
  readonly short: { readonly found: Shortness; readonly kept: boolean } | undefined;
}
