/** Rows whose label is known, and what the teacher says of them. */
export interface Calibration {
  /** Log-probabilities, [rows][labels]. */
  readonly logProbabilities: readonly Float32Array[];
  /** Index of each row's real label. */
  readonly truth: readonly number[];
}

/** What a temperature does to a teacher's probabilities on labelled rows. */
export interface Calibrated {
  readonly temperature: number;
  readonly rows: number;
  /** Mean negative log-likelihood of the real labels, nats. */
  readonly nll: { readonly before: number; readonly after: number };
  /** Expected calibration error, ten bins of equal width. */
  readonly ece: { readonly before: number; readonly after: number };
}

/** Fewer rows than this say little of a teacher. */
export const FEWEST_ROWS = 50;
const [LEAST, MOST] = [Math.log(0.05), Math.log(20)];
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks"): the temperature that makes the real
 * labels of some rows most likely, found by golden-section search over its logarithm, where the likelihood has one peak.
 */
export function calibrate(rows: Calibration): Calibrated {
  let [low, high] = [LEAST, MOST];
  for (let i = 0; i < 60; i++) {
    const [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (nll(rows, Math.exp(a)) <= nll(rows, Math.exp(b))) high = b;
    else low = a;
  }
  const temperature = Math.exp((low + high) / 2);
  return {
    temperature,
    rows: rows.truth.length,
    nll: { before: nll(rows, 1), after: nll(rows, temperature) },
    ece: { before: ece(rows, 1), after: ece(rows, temperature) },
  };
}

/** log softmax(x / T). */
export function atTemperature(logProbabilities: Float32Array, temperature: number): Float32Array {
  const scaled = logProbabilities.map((x) => x / temperature);
  const most = Math.max(...scaled);
  const total = Math.log(scaled.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most;
  return scaled.map((x) => x - total);
}

function nll({ logProbabilities, truth }: Calibration, temperature: number): number {
  const losses = logProbabilities.map((row, i) => -(atTemperature(row, temperature)[truth[i] as number] as number));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function ece({ logProbabilities, truth }: Calibration, temperature: number): number {
  const bins = Array.from({ length: 10 }, () => ({ confidence: 0, right: 0 }));
  logProbabilities.forEach((row, i) => {
    const probabilities = atTemperature(row, temperature).map(Math.exp);
    const confidence = Math.max(...probabilities);
    const bin = bins[Math.min(9, Math.floor(confidence * 10))] as (typeof bins)[number];
    bin.confidence += confidence;
    if (probabilities.indexOf(confidence) === truth[i]) bin.right++;
  });
  return bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / truth.length;
}
