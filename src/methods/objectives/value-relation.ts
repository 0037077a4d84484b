import { type Tensor, tf } from '../../backend/tf.js';
import { joinHeads, splitHeads } from '../../models/layers.js';
import type { ValueRelation } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { combination, combinationSpecs } from '../combine.js';
import { kl } from '../divergence.js';
import { layerMatches, teacherLayers } from '../layer-maps/index.js';
import { meanOf, weightedMean } from '../means.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';

const matchesOf = (options: ValueRelation, fit: Fit) => layerMatches(options.layer_map, fit.layers, 1);

const MASKED = -1e9;

/**
 * KL(teacher ‖ student) between softmax(V·Vᵀ/√d) of the values of attention, head by head: which tokens have like
 * values (MiniLM, Wang et al. 2020, arXiv:2002.10957, §3.2). Mean over real tokens, heads and pairs of layers. A value is
 * compared with those of all real tokens of its text, also in a decoder.
 *
 * With `relation_heads` the values of all heads, side by side, are first split into that many (MiniLMv2, Wang et al. 2021,
 * arXiv:2012.15828), so that teacher and student may differ in heads and in width.
 */
export const valueRelation: Objective<ValueRelation> = {
  type: 'value-relation',
  over: () => 'tokens',
  needs(options, fit) {
    checkHeads(options.relation_heads, fit as Fit);
    return { ...NOTHING, values: teacherLayers(matchesOf(options, fit as Fit)) };
  },
  parameters: (options, fit) => combinationSpecs(matchesOf(options, fit as Fit)),
  loss(options, { student, teacher, mask, parameters }, fit) {
    const [batch, length] = mask.shape as [number, number];
    const blocked = tf.mul(tf.sub(1, tf.reshape(mask, [batch, 1, 1, length])), MASKED);
    const heads = options.relation_heads;
    const distances = matchesOf(options, fit as Fit).map((match, i) => {
      const values = student.values[match.student - 1] as Tensor;
      const own = relations(heads === undefined ? values : splitHeads(joinHeads(values), heads));
      const relationsOf = (layer: number): Tensor =>
        relations(splitHeads(teacher.values.get(layer) as Tensor, heads ?? (values.shape[1] as number)));
      const target = combination(match, i, relationsOf, parameters);
      const [s, t] = [own, target].map((scores) => tf.logSoftmax(tf.add(scores, blocked))) as [Tensor, Tensor];
      return weightedMean(tf.mean(kl(t, s), 1), mask);
    });
    return meanOf(distances);
  },
};

/** V·Vᵀ/√d: [batch, heads, length, d] → [batch, heads, length, length] */
const relations = (values: Tensor): Tensor =>
  tf.matMul(tf.mul(values, 1 / Math.sqrt(values.shape[3] as number)), values, false, true);

/** @throws StepFailure `heads` if the values of teacher and student cannot be split into the same heads */
function checkHeads(relationHeads: number | undefined, { studentValues, teacherValues }: Fit): void {
  const sides = { student: studentValues, teacher: teacherValues };
  if (relationHeads === undefined) {
    if (teacherValues === undefined || studentValues.heads === teacherValues.heads) return;
    throw new StepFailure(
      'heads',
      `objective "value-relation" matches heads one to one, but the student's values have ${studentValues.heads} and the teacher's ${teacherValues.heads}`,
      'Give it relation_heads, into which the values of both can be split.',
    );
  }
  for (const [who, values] of Object.entries(sides)) {
    const width = values ? values.heads * values.width : 0;
    if (width % relationHeads === 0) continue;
    throw new StepFailure(
      'heads',
      `objective "value-relation" cannot split the ${who}'s ${width} values of a token into ${relationHeads} relation_heads`,
      'Take a number of which both widths are multiples.',
    );
  }
}
