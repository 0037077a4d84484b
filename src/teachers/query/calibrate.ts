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
/** One number is found from them, so more would only take time and memory. */
export const MOST_ROWS = 20_000;
const [LEAST, MOST] = [Math.log(0.05), Math.log(20)];
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks"): the temperature that makes the real
 * labels of some rows most likely, found by golden-section search over its logarithm, where the likelihood has one peak.
 * A real label counts as one of n + 2 draws of which one was another (Platt 1999, "Probabilistic Outputs for Support
 * Vector Machines", 2.2): else a teacher that has all of a few rows right would be made certain of everything.
 */
export function calibrate(rows: Calibration): Calibrated {
  const doubt = 1 / (rows.truth.length + 2);
  const loss = (logarithm: number): number => nll(rows, Math.exp(logarithm), doubt);
  let [low, high] = [LEAST, MOST];
  for (let i = 0; i < 60; i++) {
    const [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (loss(a) <= loss(b)) high = b;
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

/** @param doubt probability that it was another label, each equally likely */
function nll({ logProbabilities, truth }: Calibration, temperature: number, doubt = 0): number {
  let sum = 0;
  for (const [i, row] of logProbabilities.entries()) {
    const scaled = atTemperature(row, temperature);
    const own = scaled[truth[i] as number] as number;
    sum -= (1 - doubt) * own;
    if (doubt > 0) sum -= (doubt * (scaled.reduce((all, x) => all + x, 0) - own)) / (scaled.length - 1);
  }
  return sum / truth.length;
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

/** At most so many of a series of unknown length, evenly spread over it. */
export class Thinned<T> {
  items: T[] = [];
  private every = 1;
  private seen = 0;

  constructor(private readonly most: number) {}

  add(item: T): void {
    if (this.seen++ % this.every !== 0) return;
    this.items.push(item);
    if (this.items.length <= this.most) return;
    this.items = this.items.filter((_, i) => i % 2 === 0);
    this.every *= 2;
  }
}
