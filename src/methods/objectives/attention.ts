import { type Tensor, tf } from '../../backend/tf.js';
import type { Attention } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { layerPairs } from '../layer-map.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';

const pairsOf = (options: Attention, fit: Fit) => layerPairs(options.layer_map, fit.layers, 1);

/**
 * MSE between mapped layers' attention scores before the softmax, head by head (TinyBERT, arXiv:1909.10351, eq. 7),
 * mean over pairs of real tokens, heads and layers; of a decoder, over the pairs that its mask lets through.
 */
export const attention: Objective<Attention> = {
  type: 'attention',
  over: (causal) => (causal ? 'causal-pairs' : 'token-pairs'),
  needs(options, fit) {
    const { studentHeads, teacherHeads } = fit as Fit;
    if (studentHeads !== teacherHeads) {
      throw new StepFailure(
        'heads',
        `objective "attention" matches heads one to one, but the student has ${studentHeads} and the teacher ${teacherHeads}`,
        `Give the student heads: ${teacherHeads}, or leave the objective out.`,
      );
    }
    return { ...NOTHING, attention: pairsOf(options, fit as Fit).map((p) => p.teacher) };
  },
  parameters: () => ({}),
  loss(options, { student, teacher, mask, causal }, fit) {
    const pairs = pairsOf(options, fit as Fit);
    const [batch, length] = mask.shape as [number, number];
    const pairsOfTokens = tf.mul(tf.reshape(mask, [batch, 1, length, 1]), tf.reshape(mask, [batch, 1, 1, length]));
    const both = causal ? tf.mul(pairsOfTokens, notAfter(length)) : pairsOfTokens;
    const distances = pairs.map((pair) => {
      const own = student.attentionScores[pair.student - 1]?.() as Tensor;
      const target = teacher.attentionScores.get(pair.teacher) as Tensor;
      return tf.sum(tf.mul(tf.square(tf.sub(own, target)), both));
    });
    const count = tf.mul(tf.maximum(tf.sum(both), 1), (fit as Fit).studentHeads * pairs.length);
    return tf.div(
      distances.reduce((a, b) => tf.add(a, b)),
      count,
    );
  },
};

/** 1 where a column is not after its row: [1, 1, length, length]. */
function notAfter(length: number): Tensor {
  const ones = Float32Array.from({ length: length * length }, (_, i) => (i % length <= Math.floor(i / length) ? 1 : 0));
  return tf.tensor(ones, [1, 1, length, length]);
}
