/** Whether a model is right as often as it says that it is. */

/** The rows whose answer is between `low` (not included, but for 0) and `high` (included) likely to the model. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  /** Mean probability of the answers; null without rows. */
  readonly confidence: number | null;
  /** Share of the answers that are right; null without rows. */
  readonly accuracy: number | null;
}

export interface Calibration {
  /** Expected calibration error: the mean over rows of |confidence − accuracy| of their bin. */
  readonly ece: number;
  /** All of them, from 0 to 1. */
  readonly bins: readonly ReliabilityBin[];
}

/** Bins of equal width, as in the paper. */
export const BINS = 15;

/**
 * Expected calibration error of the likeliest label (Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3),
 * and the bins that a reliability diagram shows.
 * @param confidence of each row, the probability of its answer; one row at least
 * @param right whether that answer is
 */
export function calibrationOf(confidence: Float64Array, right: (row: number) => boolean): Calibration {
  const [rows, sure, correct] = [new Float64Array(BINS), new Float64Array(BINS), new Float64Array(BINS)];
  const add = (sums: Float64Array, bin: number, value: number): void => {
    sums[bin] = (sums[bin] as number) + value;
  };
  confidence.forEach((p, row) => {
    const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(p * BINS) - 1));
    add(rows, bin, 1);
    add(sure, bin, p);
    add(correct, bin, right(row) ? 1 : 0);
  });
  const gaps = sure.reduce((sum, p, bin) => sum + Math.abs(p - (correct[bin] as number)), 0);
  const bins = Array.from(rows, (count, bin): ReliabilityBin => {
    const mean = (sums: Float64Array): number | null => (count === 0 ? null : (sums[bin] as number) / count);
    return {
      low: bin / BINS,
      high: (bin + 1) / BINS,
      rows: count,
      confidence: mean(sure),
      accuracy: mean(correct),
    };
  });
  return { ece: gaps / confidence.length, bins };
}
