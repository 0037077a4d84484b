import type { HostTensors } from '../../backend/runner.js';

/**
 * What rows are to be answered with: a task's own part of a batch, beside the tokens. An answer is one of some classes, or
 * a number; a row may ask for several, and some may be unknown.
 */
export interface TargetEncoding {
  /** Outputs of the model's head, by name, in its order. */
  readonly labels: readonly string[];
  /** A teacher's logits are of each token: [batch, length, labels]; else of each text: [batch, labels]. */
  readonly perToken: boolean;
  /**
   * `rows` [n]: 1 for a question that is asked, 0 for what only fills up; `labels` [n, classes]: one-hot, 0 where the
   * answer is unknown. Scores are no classes: then `labels` [n, 1] holds them and `known` [n] is 1 where there is one.
   *
   * @param rows their numbers
   * @param size rows of the batch
   * @param length tokens that each is padded to
   */
  feeds(rows: readonly number[], size: number, length: number): HostTensors;
  /** Questions that a row asks, and how many of their answers are known. */
  counts(row: number): { readonly rows: number; readonly labels: number };
}
