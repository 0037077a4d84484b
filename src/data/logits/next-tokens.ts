import { StepFailure } from '../../util/failure.js';
import { float32Of } from '../../util/float16.js';
import type { Numbers } from './shard-file.js';
import type { TokenSignal } from './signal.js';
import { highBits, joinIds } from './token-ids.js';

/**
 * What a language model says will come next, for each token of a text: at token t the distribution of token t + 1, the
 * last one's too. All numbers are of the temperature that was asked for, p ∝ exp(logit / T).
 */
export type NextTokens =
  /** Logits [tokens, vocabulary], divided by T: p = softmax of a row. */
  | { readonly keep: 'full'; readonly vocabulary: number; readonly logits: Float32Array }
  /**
   * The k most likely tokens of each token, the most likely first: `ids` and `logProbabilities` [tokens, k]. `tail`
   * [tokens] is the log of the mass of all other tokens together, −∞ where there are none. exp of the k and of the tail
   * add up to 1.
   */
  | {
      readonly keep: 'top-k';
      readonly vocabulary: number;
      readonly k: number;
      readonly ids: Int32Array;
      readonly logProbabilities: Float32Array;
      readonly tail: Float32Array;
    }
  /**
   * Tokens that were drawn: those of token t are `ids` and `weights` from starts[t] to starts[t + 1], ascending by id.
   * A weight estimates its token's probability, and 0 that of all others: unbiased, so that the mean of a loss that is
   * linear in the teacher's probabilities (cross-entropy) is that of the whole distribution (RS-KD, arXiv:2503.16870).
   * The weights of a token add up to 1 at the temperature of capture, and do so on average at another.
   */
  | {
      readonly keep: 'sampled';
      readonly vocabulary: number;
      readonly starts: Int32Array;
      readonly ids: Int32Array;
      readonly weights: Float32Array;
    };

const floats = (numbers: Numbers): Float32Array =>
  numbers instanceof Uint16Array ? float32Of(numbers) : (numbers as Float32Array);

/**
 * A row's next tokens, of its parts in a shard.
 * @param temperature 1 or that of capture; of `full` any
 * @throws StepFailure `temperature` if the cache does not have it
 */
export function nextTokensOf(tokens: TokenSignal, read: (name: string) => Numbers, temperature: number): NextTokens {
  const { vocabulary } = tokens;
  if (tokens.keep === 'full') {
    const logits = floats(read('full.logits'));
    return { keep: 'full', vocabulary, logits: temperature === 1 ? logits : logits.map((x) => x / temperature) };
  }
  const captured = temperature === tokens.temperature;
  if (!captured && temperature !== 1) {
    const known = tokens.temperature === 1 ? '1' : `1 and ${tokens.temperature}`;
    throw new StepFailure(
      'temperature',
      `the teacher's next tokens are kept at temperature ${known}, not at ${temperature}`,
      `Give the cache-logits step tokens: { keep: ${tokens.keep}, temperature: ${temperature} }, or keep: full.`,
    );
  }
  const bits = highBits(vocabulary);
  if (tokens.keep === 'top-k') {
    const { k } = tokens;
    const low = read('topk.low') as Uint16Array;
    const high = bits > 0 ? (read('topk.high') as Uint8Array) : new Uint8Array(0);
    const logProbabilities = floats(read('topk.logprobs'));
    if (!captured) {
      // log p₁ = T · log p_T + (T · log Σ exp(z/T) − log Σ exp(z))
      const shift = read('topk.shift') as Float32Array;
      for (let i = 0; i < logProbabilities.length; i++) {
        const one = tokens.temperature * (logProbabilities[i] as number) + (shift[Math.floor(i / k)] as number);
        logProbabilities[i] = one;
      }
    }
    const tail = floats(read(captured ? 'topk.tail' : 'topk.tail_at_1'));
    return { keep: 'top-k', vocabulary, k, ids: joinIds({ low, high }, k, bits), logProbabilities, tail };
  }
  const low = read('sampled.low') as Uint16Array;
  const high = bits > 0 ? (read('sampled.high') as Uint8Array) : new Uint8Array(0);
  const counts = read('sampled.counts') as Uint8Array;
  const weights = Float32Array.from(counts, (count) => count / tokens.samples);
  if (!captured) {
    const ratio = floats(read('sampled.log_ratio'));
    for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) * Math.exp(ratio[i] as number);
  }
  const unique = read('sampled.unique') as Uint8Array;
  const starts = new Int32Array(unique.length + 1);
  unique.forEach((n, t) => {
    starts[t + 1] = (starts[t] as number) + n;
  });
  return { keep: 'sampled', vocabulary, starts, ids: joinIds({ low, high }, low.length, bits), weights };
}
