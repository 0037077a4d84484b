import type { Backend } from '../backend/runner.js';

/** A trained classifier, ready to answer, whatever it is made of. */
export interface Predictor {
  /** `bert`, `logistic`, … */
  readonly type: string;
  /** Order of the logits. */
  readonly labels: readonly string[];
  /** Trainable numbers, embeddings included. */
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  /** It compares two texts: `predict` needs both. */
  readonly pairs?: true | undefined;
  /** Of one that compares the vectors of both: its second logit is scale · cosine + bias, its first 0. */
  readonly similarity?: { readonly scale: number; readonly bias: number };
  /** Of one that compares vectors, numbers of a vector. */
  readonly width?: number;
  /** Logits of each text, or of each text and its pair, row-major [texts, labels]. Deterministic. */
  predict(texts: readonly string[], pairs?: readonly string[]): Promise<Float32Array>;
  /** The same for many calls in which texts come again: what is computed of them is kept as long as what this returns. */
  many?(): Many;
  close(): Promise<void>;
}

/** One that compares vectors, and these themselves. */
export interface Many {
  predict: Predictor['predict'];
  /** The vectors of texts, row-major [texts, width], of any length. */
  embed(texts: readonly string[]): Promise<Float32Array>;
}

/**
 * What one model family brings; `models/index.ts` lists them. A model folder names its family in `recipe.json`
 * (`{"type": "bert", …}`).
 */
export interface PredictorFamily {
  readonly type: string;
  /** @param folder a model artifact; @param backend where tensors are computed; @param threads CPU threads it may use */
  load(folder: string, backend: Backend, threads: number): Promise<Predictor>;
}
