/** How well labels of which a text may have several were predicted, as scikit-learn has it with `zero_division=0`. */

import { mean } from '../util/numbers.js';

export interface LabelsQuality {
  /** F1 over all labels of all rows together. */
  readonly microF1: number;
  /** Mean F1 of the labels, each counted once. */
  readonly macroF1: number;
  /** Share of the rows whose labels are all right. */
  readonly accuracy: number;
  readonly perLabel: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    /** Rows that have it. */
    readonly support: number;
  }[];
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** The labels that a row is given: those more likely than not. @param logits [labels] */
export const labelsAbove = (logits: Float32Array): Uint8Array => Uint8Array.from(logits, (z) => (z > 0 ? 1 : 0));

/** Right, given and had labels of some rows, which may repeat. @param truth of each row [labels], 1 for one it has */
export function microF1Of(
  truth: readonly Uint8Array[],
  predicted: readonly Uint8Array[],
  sample: Iterable<number>,
): number {
  let [right, all] = [0, 0];
  for (const row of sample) {
    const [own, given] = [truth[row] as Uint8Array, predicted[row] as Uint8Array];
    for (let k = 0; k < own.length; k++) {
      right += (own[k] as number) & (given[k] as number);
      all += (own[k] as number) + (given[k] as number);
    }
  }
  return ratio(2 * right, all);
}

/** `labelsQuality(…).macroF1` of some rows, which may repeat. */
export function macroF1OfMany(
  truth: readonly Uint8Array[],
  predicted: readonly Uint8Array[],
  sample: Iterable<number>,
): number {
  const labels = truth[0]?.length ?? 0;
  const [right, all] = [new Float64Array(labels), new Float64Array(labels)];
  for (const row of sample) {
    const [own, given] = [truth[row] as Uint8Array, predicted[row] as Uint8Array];
    for (let k = 0; k < labels; k++) {
      right[k] = (right[k] as number) + ((own[k] as number) & (given[k] as number));
      all[k] = (all[k] as number) + (own[k] as number) + (given[k] as number);
    }
  }
  return mean(right.map((count, k) => ratio(2 * count, all[k] as number)));
}

export function labelsQuality(
  truth: readonly Uint8Array[],
  predicted: readonly Uint8Array[],
  labels: readonly string[],
): LabelsQuality {
  const perLabel = labels.map((label, k) => {
    let [right, given, support] = [0, 0, 0];
    for (const [row, own] of truth.entries()) {
      const said = predicted[row]?.[k] as number;
      right += (own[k] as number) & said;
      given += said;
      support += own[k] as number;
    }
    return {
      label,
      precision: ratio(right, given),
      recall: ratio(right, support),
      f1: ratio(2 * right, given + support),
      support,
    };
  });
  const exact = truth.filter((own, row) => own.every((has, k) => has === predicted[row]?.[k])).length;
  return {
    microF1: microF1Of(truth, predicted, truth.keys()),
    macroF1: perLabel.reduce((sum, { f1 }) => sum + f1, 0) / labels.length,
    accuracy: exact / truth.length,
    perLabel,
  };
}
