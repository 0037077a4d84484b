/** How several teachers' log-probabilities of the same labels become one. */
export type Combine = 'probabilities' | 'logits' | 'vote' | 'route';

/** What a teacher says of one row: log-probabilities and the logits that they come from, both [labels]. */
export interface Opinion {
  readonly logProbabilities: Float64Array;
  readonly logits: Float32Array;
}

/** log softmax, in double precision. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const most = Math.max(...values);
  const total = most + Math.log(values.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return values.map((x) => x - total);
}

/**
 * One distribution out of several.
 *
 * - `probabilities`: Σ w·p, the mean of what the teachers believe;
 * - `logits`: softmax(Σ w·z), which is their product: a teacher that is certain outweighs others;
 * - `vote`: shares of votes, weighted, with one more vote that is divided equally;
 * - `route`: the distribution of the teacher with the largest weight alone; of equals, of the first.
 *
 * @param weights of the opinions, sum 1
 * @returns log-probabilities [labels]
 */
export function combine(how: Combine, opinions: readonly Opinion[], weights: readonly number[]): Float64Array {
  const labels = (opinions[0] as Opinion).logits.length;
  const sums = new Float64Array(labels);
  switch (how) {
    case 'route':
      return (opinions[weights.indexOf(Math.max(...weights))] as Opinion).logProbabilities;
    case 'probabilities':
      opinions.forEach(({ logProbabilities }, i) => {
        for (let k = 0; k < labels; k++) add(sums, k, (weights[i] as number) * Math.exp(logProbabilities[k] as number));
      });
      return sums.map(Math.log);
    case 'logits':
      opinions.forEach(({ logits }, i) => {
        for (let k = 0; k < labels; k++) add(sums, k, (weights[i] as number) * (logits[k] as number));
      });
      return logSoftmax(sums);
    case 'vote': {
      const votes = opinions.length;
      opinions.forEach(({ logProbabilities }, i) => {
        add(sums, best(logProbabilities), (weights[i] as number) * votes);
      });
      return sums.map((count) => Math.log((count + 1 / labels) / (votes + 1)));
    }
  }
}

const add = (sums: Float64Array, k: number, value: number): void => {
  sums[k] = (sums[k] as number) + value;
};

/** Index of the largest; of equals the first. */
export function best(values: ArrayLike<number>): number {
  let at = 0;
  for (let k = 1; k < values.length; k++) if ((values[k] as number) > (values[at] as number)) at = k;
  return at;
}

/** Σ −p·log p, nats. */
export const entropy = (logProbabilities: Float64Array): number =>
  -logProbabilities.reduce((sum, x) => sum + Math.exp(x) * x, 0);

/**
 * How far opinions are apart: the generalised Jensen–Shannon divergence, H(mean) − mean of H (Lin 1991), over the largest
 * that so many opinions of so many labels can have. 0: they are equal; 1: each is certain of another label.
 */
export function disagreement(opinions: readonly Opinion[]): number {
  const n = opinions.length;
  const labels = (opinions[0] as Opinion).logits.length;
  if (n < 2) return 0;
  const mean = new Float64Array(labels);
  for (const { logProbabilities } of opinions) {
    for (let k = 0; k < labels; k++) add(mean, k, Math.exp(logProbabilities[k] as number) / n);
  }
  const inner = opinions.reduce((sum, { logProbabilities }) => sum + entropy(logProbabilities), 0) / n;
  return Math.max(0, (entropy(mean.map(Math.log)) - inner) / Math.log(Math.min(n, labels)));
}
