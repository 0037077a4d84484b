import { type Tensor, tf } from '../../backend/tf.js';
import type { Attention } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { combination, combinationSpecs } from '../combine.js';
import { kl } from '../divergence.js';
import { layerMatches, teacherLayers } from '../layer-maps/index.js';
import { meanOf, weightedMean } from '../means.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';

const matchesOf = (options: Attention, fit: Fit) => layerMatches(options.layer_map, fit.layers, 1);

const MASKED = -1e9;

/**
 * The distance between mapped layers' attention, head by head; of a decoder, over what its mask lets through.
 *
 * Of scores before the softmax the mean squared error (TinyBERT, arXiv:1909.10351, eq. 7), of probabilities that or
 * KL(teacher ‖ student) of what each token attends to (MiniLM, arXiv:2002.10957, §3.1). The squared error is a mean over
 * pairs of real tokens, the KL over real tokens; both over heads and pairs of layers.
 */
export const attention: Objective<Attention> = {
  type: 'attention',
  over: (causal, { distance }) => (distance === 'kl' ? 'tokens' : causal ? 'causal-pairs' : 'token-pairs'),
  needs(options, fit) {
    const { studentHeads, teacherHeads } = fit as Fit;
    if (studentHeads !== teacherHeads) {
      throw new StepFailure(
        'heads',
        `objective "attention" matches heads one to one, but the student has ${studentHeads} and the teacher ${teacherHeads}`,
        `Give the student heads: ${teacherHeads}, or leave the objective out.`,
      );
    }
    return { ...NOTHING, attention: teacherLayers(matchesOf(options, fit as Fit)) };
  },
  parameters: (options, fit) => combinationSpecs(matchesOf(options, fit as Fit)),
  loss(options, { student, teacher, mask, causal, parameters }, fit) {
    const seen = seenPairs(mask, causal);
    const blocked = tf.mul(tf.sub(1, seen), MASKED);
    const distances = matchesOf(options, fit as Fit).map((match, i) => {
      const own = student.attentionScores[match.student - 1]?.() as Tensor;
      const target = combination(match, i, (layer) => teacher.attentionScores.get(layer) as Tensor, parameters);
      if (options.of === 'scores') return meanSquare(own, target, seen);
      const [s, t] = [own, target].map((scores) => tf.add(scores, blocked)) as [Tensor, Tensor];
      if (options.distance === 'mse') return meanSquare(tf.softmax(s), tf.softmax(t), seen);
      return weightedMean(tf.mean(kl(tf.logSoftmax(t), tf.logSoftmax(s)), 1), mask);
    });
    return meanOf(distances);
  },
};

/** 1 where both tokens are real, and of a decoder the second is not after the first: [batch, 1, length, length]. */
function seenPairs(mask: Tensor, causal: boolean): Tensor {
  const [batch, length] = mask.shape as [number, number];
  const both = tf.mul(tf.reshape(mask, [batch, 1, length, 1]), tf.reshape(mask, [batch, 1, 1, length]));
  if (!causal) return both;
  const notAfter = Float32Array.from({ length: length * length }, (_, i) =>
    i % length <= Math.floor(i / length) ? 1 : 0,
  );
  return tf.mul(both, tf.tensor(notAfter, [1, 1, length, length]));
}

/** Mean over the pairs of tokens that are seen, and over heads. */
function meanSquare(own: Tensor, target: Tensor, seen: Tensor): Tensor {
  const heads = own.shape[1] as number;
  const sum = tf.sum(tf.mul(tf.square(tf.sub(own, target)), seen));
  return tf.div(sum, tf.mul(tf.maximum(tf.sum(seen), 1), heads));
}
