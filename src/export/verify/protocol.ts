import type { Pipeline } from '../form.js';

/** What the process with transformers.js is to do. */
export interface Ask {
  readonly folder: string;
  readonly dtype: 'fp32' | 'q8';
  readonly pipeline: Pipeline;
  /** Whether the pipeline's label is asked for: of what tells labels apart. */
  readonly labelled: boolean;
  readonly padId: number;
  /** Of a language model: tokens that it is to write to the text of each of so many rows, and what ends them. */
  readonly writes: { readonly tokens: number; readonly rows: number; readonly endId: number | null };
  readonly rows: readonly AskedRow[];
}

export interface AskedRow {
  readonly text: string;
  /** The second text of a pair. */
  readonly pair: string | undefined;
  readonly ids: Int32Array;
  /** Tokens before those of the second text. */
  readonly second: number | undefined;
  /** Which token hides a word that the pipeline is to fill in, where one does. */
  readonly mask: number | undefined;
}

/** What transformers.js makes of a row. */
export interface Found {
  /** As its tokenizer reads the text. */
  readonly ids: Int32Array;
  /** What its model says of our tokens: of the text, or of each of them. */
  readonly values: Float32Array;
  /** What it says of the text: its pipeline's label, the token that it fills in, or those that it writes; undefined where it was not asked. */
  readonly answer?: string;
}

export type Said =
  | { readonly state: 'found'; readonly version: string; readonly rows: readonly Found[] }
  /** The package is not installed, or cannot be loaded. */
  | { readonly state: 'absent'; readonly message: string }
  /** It has no such model or pipeline. */
  | { readonly state: 'unsupported'; readonly version: string; readonly message: string }
  | { readonly state: 'failed'; readonly message: string };
