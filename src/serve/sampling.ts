import { type Choose, greedy } from '../models/generate.js';
import type { Random } from '../util/random.js';

/**
 * Draws tokens from softmax(logits / temperature), or of it from the nucleus: the fewest likeliest tokens that together
 * have a probability of `topP` (Holtzman et al. 2019, arXiv:1904.09751).
 *
 * @param temperature 0 takes the likeliest
 * @param topP in [0, 1]; of a nucleus there is one token at least
 */
export function sampler(temperature: number, topP: number, random: Random): Choose {
  if (temperature === 0) return greedy;
  return (logits) => {
    const most = logits[greedy(logits)] as number;
    const weights = Float64Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (topP >= 1) return draw(weights.keys(), weights, total * random.uniform());
    const kept = nucleus(weights, total, topP);
    const mass = kept.reduce((sum, token) => sum + (weights[token] as number), 0);
    return draw(kept, weights, mass * random.uniform());
  };
}

/** The first token at which the sum of weights passes `point`. */
function draw(tokens: Iterable<number>, weights: Float64Array, point: number): number {
  let last = 0;
  let sum = 0;
  for (const token of tokens) {
    const weight = weights[token] as number;
    if (weight === 0) continue;
    last = token;
    sum += weight;
    if (sum > point) break;
  }
  return last;
}

/** Likeliest first; of equals the first. */
function nucleus(weights: Float64Array, total: number, topP: number): number[] {
  // Tokens less likely than that have together less than the rest's probability, so none of them is needed.
  const least = (total * (1 - topP)) / weights.length;
  const order: number[] = [];
  weights.forEach((weight, token) => {
    if (weight >= least) order.push(token);
  });
  order.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  let sum = 0;
  const end = order.findIndex((token) => {
    sum += weights[token] as number;
    return sum >= topP * total;
  });
  return end < 0 ? order : order.slice(0, end + 1);
}
