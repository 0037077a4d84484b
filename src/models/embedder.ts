import type { Backend } from '../backend/runner.js';

/** A model that gives each text a vector, whatever it is made of. */
export interface Embedder {
  /** `bert`, `tfjs`, … */
  readonly type: string;
  /** Numbers of a vector. */
  readonly width: number;
  /** Numbers of its weights. */
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  /**
   * The vectors of texts, row-major [texts, width]. Deterministic; what else is asked for at once changes a vector by
   * no more than float32 rounding.
   */
  embed(texts: readonly string[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** What one kind of encoder brings; `models/embedders.ts` lists them by the `type` in a folder's `recipe.json`. */
export interface EmbedderFamily {
  readonly type: string;
  /** @param folder a model artifact; @param backend where tensors are computed; @param threads CPU threads it may use */
  load(folder: string, backend: Backend, threads: number): Promise<Embedder>;
}
