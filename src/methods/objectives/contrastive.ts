import { type Tensor, tf } from '../../backend/tf.js';
import { lastTokens } from '../../models/decoder.js';
import type { Contrastive } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { type Fit, type LossInput, NOTHING, type Objective } from '../objective.js';
import { projectionSpec } from '../projection.js';

const MASKED = -1e9;
/** Keeps a vector of zeros from dividing by zero. */
const EPSILON = 1e-12;

/**
 * InfoNCE: of all texts of the batch, the student's representation of a text has to find the teacher's of the same text,
 * by the cosine of both after a linear map each (in the manner of CRD, Tian et al. 2020, arXiv:1910.10699, which
 * estimates the same with a memory of negatives). Mean over texts; one that is alone in its batch teaches nothing.
 */
export const contrastive: Objective<Contrastive> = {
  type: 'contrastive',
  over: () => 'texts',
  needs: ({ pooling }, fit) => ({
    ...NOTHING,
    lastHiddenState: pooling === 'mean',
    hiddenStates: [(fit as Fit).layers.teacher],
  }),
  parameters({ dimensions }, fit) {
    const { studentHidden, teacherHidden } = fit as Fit;
    return {
      'projection.student': projectionSpec(studentHidden, dimensions),
      'projection.teacher': projectionSpec(teacherHidden, dimensions),
    };
  },
  loss(options, input, fit) {
    const { student, teacher, mask, parameters } = input;
    const { layers } = fit as Fit;
    const target = pooled(options, teacher.hiddenStates.get(layers.teacher) as Tensor, input);
    const own =
      options.pooling === 'token'
        ? student.pooled
        : pooled(options, student.hiddenStates[layers.student] as Tensor, input);
    const [s, t] = [
      direction(own, parameters['projection.student'] as Tensor),
      direction(target, parameters['projection.teacher'] as Tensor),
    ];
    const similarity = (of: Tensor): Tensor => tf.div(of, options.temperature);
    // What has no token only fills up the batch.
    const texts = tf.max(mask, -1);
    const blocked = tf.mul(tf.sub(1, tf.reshape(texts, [1, -1])), MASKED);
    const all = tf.logSumExp(tf.add(similarity(tf.matMul(s, t, false, true)), blocked), -1);
    return weightedMean(tf.sub(all, similarity(tf.sum(tf.mul(s, t), -1))), texts);
  },
};

/** One vector of each text, of states [batch, length, hidden]: the token's that a classifier reads, or the mean. */
function pooled({ pooling }: Contrastive, states: Tensor, { mask, causal }: LossInput): Tensor {
  const [batch, length, hidden] = states.shape as [number, number, number];
  if (pooling === 'mean') {
    const sum = tf.matMul(tf.reshape(mask, [batch, 1, length]), states);
    return tf.div(tf.reshape(sum, [batch, hidden]), tf.maximum(tf.sum(mask, -1, true), 1));
  }
  const token = causal ? lastTokens(mask, states) : tf.slice(states, [0, 0, 0], [-1, 1, -1]);
  return tf.reshape(token, [batch, hidden]);
}

/** x · Wᵀ with a length of 1: [batch, dimensions]. */
function direction(x: Tensor, weight: Tensor): Tensor {
  const mapped = tf.matMul(x, weight, false, true);
  return tf.mul(mapped, tf.rsqrt(tf.add(tf.sum(tf.square(mapped), -1, true), EPSILON)));
}
