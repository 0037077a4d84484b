import { type Tensor, tf } from '../../backend/tf.js';
import type { Divergence, SoftLabel } from '../../options/train.js';
import { divergence, ofLogProbabilities } from '../divergence.js';
import { weightedMean } from '../means.js';
import { type Continuation, type NextTokens, NOTHING, type Objective } from '../objective.js';
import { temperatureAt, temperatureParameters, temperatureSchedules } from '../temperatures/index.js';
import { sameVocabulary } from '../vocabulary.js';

/** What is left for all tokens that are not named is not less than this: a float32 sum is no nearer to 1. */
const LEAST = 1e-6;

/**
 * `soft-label` of a language model: T² times the divergence of the next token's distribution, mean over the tokens that
 * are to be written (word-level distillation, Kim & Rush 2016, arXiv:1606.07947).
 *
 * Of a teacher's k most likely tokens: the divergence of k + 1 events, all other tokens being one. A student that learnt
 * from the k alone, made to add up to 1, would be too certain. Of tokens that were drawn: Σ w·log(w/q) over them, whose
 * gradient's mean is that of the forward KL (RS-KD, Anshumann et al. 2025, arXiv:2503.16870).
 */
export const softResponse: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, logits: true, lastHiddenState: true }),
  parameters: ({ temperature }) => temperatureParameters(temperature),
  schedules: ({ temperature }) => temperatureSchedules(temperature),
  loss({ temperature, divergence: of }, { continuation, teacher, parameters, scheduled }) {
    const { logits, weights } = continuation as Continuation;
    const next = teacher.next as NextTokens;
    const student = logits();
    if (next.keep === 'full') {
      const [own, theirs] = sameVocabulary(student, next.logits);
      const t = temperatureAt(temperature, { student: own, teacher: theirs, rows: weights, parameters, scheduled });
      return weightedMean(divergence(of, theirs, own, t), weights);
    }
    const t = temperature as number; // checked before anything is trained: the cache has one
    return weightedMean(tf.mul(named(of, next, tf.logSoftmax(tf.div(student, t))), t * t), weights);
  },
};

/** @param student log-probabilities [n, vocabulary] @returns [n] */
function named(of: Divergence, next: Exclude<NextTokens, { keep: 'full' }>, student: Tensor): Tensor {
  const own = pick(student, next.ids);
  if (next.keep === 'sampled') {
    const { weights } = next;
    return tf.sum(tf.mul(weights, tf.sub(tf.log(tf.maximum(weights, LEAST)), own)), -1);
  }
  const rest = tf.log(tf.maximum(tf.sub(1, tf.sum(tf.exp(own), -1, true)), LEAST));
  const [theirs, mine] = [tf.concat([next.logProbabilities, next.tail], -1), tf.concat([own, rest], -1)];
  return ofLogProbabilities(of as Exclude<Divergence, { type: 'mse' }>, theirs, mine);
}

/** x[i, ids[i, j]]: [n, k] */
function pick(x: Tensor, ids: Tensor): Tensor {
  const [n, width] = x.shape as [number, number];
  const starts = tf.tensor2d(
    Int32Array.from({ length: n }, (_, i) => i * width),
    [n, 1],
    'int32',
  );
  const places = tf.reshape(tf.add(ids, starts), [-1]) as tf.Tensor1D;
  return tf.reshape(tf.gather(tf.reshape(x, [-1]), places), ids.shape as [number, number]);
}
