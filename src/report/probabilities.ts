import { type Calibration, calibrationOf } from './calibration.js';
import { argmaxRows, crossEntropyOf, softmax } from './metrics.js';
import { macroRocAuc } from './ranking.js';

/** What a model's probabilities are worth, not only the label that they favour; as scikit-learn has it. */
export interface ProbabilityQuality {
  /**
   * Area under the receiver operating characteristic: of more than two labels, each against the rest, the mean over those
   * that some rows have and others have not. Null where there are none.
   */
  readonly rocAuc: number | null;
  /** Mean −log p of the true label, in nats. */
  readonly logLoss: number;
  /**
   * Mean squared error of the probabilities: of two labels of one of them, 0 to 1, of more of all of them together, 0 to 2,
   * as scikit-learn's `brier_score_loss` has it.
   */
  readonly brier: number;
  readonly calibration: Calibration;
}

/** @param logits [rows, labels], all finite; one row at least */
export function probabilityQuality(truth: Int32Array, logits: Float32Array, labels: number): ProbabilityQuality {
  const answers = argmaxRows(logits, labels);
  const confidence = new Float64Array(truth.length);
  let squares = 0;
  for (let row = 0; row < truth.length; row++) {
    const p = softmax(logits.subarray(row * labels, (row + 1) * labels));
    confidence[row] = p[answers[row] as number] as number;
    squares += p.reduce((sum, each, k) => sum + (each - (truth[row] === k ? 1 : 0)) ** 2, 0);
  }
  return {
    rocAuc: rocAuc(truth, logits, labels),
    logLoss: crossEntropyOf(truth, logits, labels),
    brier: squares / truth.length / (labels === 2 ? 2 : 1),
    calibration: calibrationOf(confidence, (row) => answers[row] === truth[row]),
  };
}

function rocAuc(truth: Int32Array, logits: Float32Array, labels: number): number | null {
  const had = Array.from(truth, (label) => Uint8Array.from({ length: labels }, (_, k) => (k === label ? 1 : 0)));
  const odds = had.map((_, row) => {
    const own = logits.subarray(row * labels, (row + 1) * labels);
    return Float64Array.from(own, (_, k) => logOdds(own, k));
  });
  return macroRocAuc(had, odds);
}

/** Of one label against all others: rises with its probability, and still tells apart what rounds to 0 or 1. */
function logOdds(logits: Float32Array, label: number): number {
  // Sorted, so that rows whose other labels stand in another order are still equal.
  const others = Array.from(logits)
    .filter((_, k) => k !== label)
    .sort((a, b) => a - b);
  const most = others.at(-1) as number;
  return (logits[label] as number) - most - Math.log(others.reduce((sum, z) => sum + Math.exp(z - most), 0));
}
