import { type Tensor, tf } from '../../backend/tf.js';
import type { ParameterSpec } from '../../models/architecture.js';
import type { HiddenStates } from '../../options/train.js';
import { layerPairs } from '../layer-map.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';

const pairsOf = (options: HiddenStates, fit: Fit) => layerPairs(options.layer_map, fit.layers, 0);
const projectionName = (options: HiddenStates, pair: number): string =>
  options.projection === 'shared' ? 'projection' : `projection.${pair}`;

/**
 * MSE(S·Wᵀ, T) between mapped hidden states (TinyBERT, arXiv:1909.10351, eq. 8 and 9), mean over real tokens,
 * teacher dimensions and pairs. TinyBERT's code sums over pairs and counts padding too.
 */
export const hiddenStates: Objective<HiddenStates> = {
  type: 'hidden-states',
  over: () => 'tokens',
  needs(options, fit) {
    const pairs = pairsOf(options, fit as Fit);
    const lastHiddenState = pairs.some(({ student }) => student === (fit as Fit).layers.student);
    return { ...NOTHING, lastHiddenState, hiddenStates: pairs.map((p) => p.teacher) };
  },
  parameters(options, fit) {
    const { studentHidden, teacherHidden } = fit as Fit;
    const spec: ParameterSpec = { shape: [teacherHidden, studentHidden], initial: 'normal', decay: false };
    return Object.fromEntries(pairsOf(options, fit as Fit).map((_, i) => [projectionName(options, i), spec]));
  },
  loss(options, { student, teacher, mask, parameters }, fit) {
    const pairs = pairsOf(options, fit as Fit);
    const [batch, length] = mask.shape as [number, number];
    const tokens = tf.reshape(mask, [batch * length, 1]);
    const { studentHidden, teacherHidden } = fit as Fit;
    const distances = pairs.map((pair, i) => {
      const own = tf.reshape(student.hiddenStates[pair.student] as Tensor, [-1, studentHidden]);
      const projected = tf.matMul(own, parameters[projectionName(options, i)] as Tensor, false, true);
      const target = tf.reshape(teacher.hiddenStates.get(pair.teacher) as Tensor, [-1, teacherHidden]);
      return tf.sum(tf.mul(tf.square(tf.sub(projected, target)), tokens));
    });
    const count = tf.mul(tf.maximum(tf.sum(mask), 1), teacherHidden * pairs.length);
    return tf.div(
      distances.reduce((a, b) => tf.add(a, b)),
      count,
    );
  },
};
