import { wilson } from './intervals.js';
import { confusionOf, qualityOf } from './metrics.js';

/** Of the rows that have one value of a field. */
export interface SliceQuality {
  readonly accuracy: number;
  /** Wilson, 95 %. */
  readonly accuracy_interval: { readonly low: number; readonly high: number };
  /** Mean F1 of the labels that these rows have or are given. */
  readonly macro_f1: number;
  readonly errors: number;
}

/** @param sample the rows, by number; @param truth of all rows, as are the predictions, as indices of labels */
export function sliceQuality(
  sample: Int32Array,
  truth: Int32Array,
  predicted: Int32Array,
  labels: readonly string[],
): SliceQuality {
  const of = (values: Int32Array): Int32Array => sample.map((row) => values[row] as number);
  const { accuracy, errors, perLabel, confusion } = qualityOf(
    confusionOf(of(truth), of(predicted), labels.length),
    labels,
  );
  const known = perLabel.filter(({ support }, k) => support > 0 || confusion.some((given) => (given[k] as number) > 0));
  return {
    accuracy,
    accuracy_interval: wilson(sample.length - errors, sample.length),
    macro_f1: known.reduce((sum, { f1 }) => sum + f1, 0) / known.length,
    errors,
  };
}
