/** How well labels were predicted. Every figure is scikit-learn's with `labels` given and `zero_division=0`. */

export interface LabelQuality {
  readonly label: string;
  /** Of the rows given this label, the share that has it; 0 if none was given it. */
  readonly precision: number;
  /** Of the rows that have this label, the share that was given it; 0 if none has it. */
  readonly recall: number;
  /** Harmonic mean of both; 0 for a label that neither occurs nor is predicted. */
  readonly f1: number;
  /** Rows that have this label. */
  readonly support: number;
}

export interface Quality {
  readonly accuracy: number;
  /** Mean F1 of the labels, each counted once. */
  readonly macroF1: number;
  /** Matthews' correlation of what is and what was said (Gorodkin 2004 for more than two labels); 0 where either never varies. */
  readonly mcc: number;
  readonly errors: number;
  readonly perLabel: readonly LabelQuality[];
  /** [true label][predicted label]: rows. */
  readonly confusion: readonly (readonly number[])[];
}

/** Rows by true and predicted label, row-major [labels, labels]; both arguments hold indices of labels. */
export function confusionOf(truth: Int32Array, predicted: Int32Array, labels: number): Float64Array {
  const confusion = new Float64Array(labels * labels);
  for (let row = 0; row < truth.length; row++) {
    const cell = (truth[row] as number) * labels + (predicted[row] as number);
    confusion[cell] = (confusion[cell] as number) + 1;
  }
  return confusion;
}

/** Everything there is to say of a confusion matrix that counts one row at least. */
export function qualityOf(confusion: Float64Array, labels: readonly string[]): Quality {
  const n = labels.length;
  const cell = (actual: number, predicted: number): number => confusion[actual * n + predicted] as number;
  const perLabel = labels.map((label, k): LabelQuality => {
    let support = 0;
    let given = 0;
    for (let other = 0; other < n; other++) {
      support += cell(k, other);
      given += cell(other, k);
    }
    const right = cell(k, k);
    return {
      label,
      precision: given > 0 ? right / given : 0,
      recall: support > 0 ? right / support : 0,
      f1: labelF1(right, support, given),
      support,
    };
  });
  const rows = perLabel.reduce((sum, { support }) => sum + support, 0);
  const right = labels.reduce((sum, _, k) => sum + cell(k, k), 0);
  return {
    accuracy: right / rows,
    macroF1: perLabel.reduce((sum, { f1 }) => sum + f1, 0) / n,
    mcc: mccOf(confusion, n),
    errors: rows - right,
    perLabel,
    confusion: labels.map((_, k) => Array.from(confusion.subarray(k * n, (k + 1) * n))),
  };
}

function mccOf(confusion: Float64Array, labels: number): number {
  const sums = (of: (cell: number) => number): Float64Array => {
    const found = new Float64Array(labels);
    confusion.forEach((rows, cell) => {
      found[of(cell)] = (found[of(cell)] as number) + rows;
    });
    return found;
  };
  const had = sums((cell) => Math.floor(cell / labels));
  const given = sums((cell) => cell % labels);
  const rows = had.reduce((sum, count) => sum + count, 0);
  const right = had.reduce((sum, _, k) => sum + (confusion[k * labels + k] as number), 0);
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, k) => sum + x * (b[k] as number), 0);
  const spread = Math.sqrt(rows * rows - dot(given, given)) * Math.sqrt(rows * rows - dot(had, had));
  return spread === 0 ? 0 : (right * rows - dot(had, given)) / spread;
}

/** `qualityOf(…).macroF1` and nothing else, for the many resamples of a bootstrap. */
export function macroF1Of(confusion: Float64Array, labels: number): number {
  let sum = 0;
  for (let k = 0; k < labels; k++) {
    let support = 0;
    let given = 0;
    for (let other = 0; other < labels; other++) {
      support += confusion[k * labels + other] as number;
      given += confusion[other * labels + k] as number;
    }
    sum += labelF1(confusion[k * labels + k] as number, support, given);
  }
  return sum / labels;
}

const labelF1 = (right: number, support: number, given: number): number =>
  support + given > 0 ? (2 * right) / (support + given) : 0;

/** The index of the largest of `labels` logits of each row; of equal ones the first. */
export function argmaxRows(logits: Float32Array, labels: number): Int32Array {
  return Int32Array.from({ length: logits.length / labels }, (_, row) => {
    let best = 0;
    for (let k = 1; k < labels; k++) {
      if ((logits[row * labels + k] as number) > (logits[row * labels + best] as number)) best = k;
    }
    return best;
  });
}

/** Mean over the rows of −log p of the true label, in nats. @param logits [rows, labels] */
export function crossEntropyOf(truth: Int32Array, logits: Float32Array, labels: number): number {
  let sum = 0;
  truth.forEach((label, row) => {
    const own = logits.subarray(row * labels, (row + 1) * labels);
    const largest = Math.max(...own);
    const all = own.reduce((total, x) => total + Math.exp(x - largest), 0);
    sum += Math.log(all) + largest - (own[label] as number);
  });
  return sum / truth.length;
}

/** Probabilities of one row of logits. */
export function softmax(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
