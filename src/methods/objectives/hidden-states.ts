import type { Tensor } from '../../backend/tf.js';
import type { HiddenStates } from '../../options/train.js';
import { combination, combinationSpecs } from '../combine.js';
import { layerMatches, teacherLayers } from '../layer-maps/index.js';
import { meanOf } from '../means.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';
import { checkSameWidth, project, projectionSpec } from '../projection.js';
import { tokenDistance } from '../token-distance.js';

const matchesOf = (options: HiddenStates, fit: Fit) => layerMatches(options.layer_map, fit.layers, 0);

const projectionName = ({ projection }: HiddenStates, match: number): string =>
  projection === 'shared' ? 'projection' : `projection.${match}`;

/**
 * The distance of S·Wᵀ from T between mapped hidden states, mean over real tokens and pairs of layers: the mean squared
 * error (TinyBERT, arXiv:1909.10351, eq. 8 and 9) or 1 − cos (DistilBERT, arXiv:1910.01108, of the last states, without
 * a projection). TinyBERT's code sums over pairs and counts padding too.
 */
export const hiddenStates: Objective<HiddenStates> = {
  type: 'hidden-states',
  over: () => 'tokens',
  needs(options, fit) {
    const { layers, studentHidden, teacherHidden } = fit as Fit;
    if (options.projection === 'none') checkSameWidth('hidden-states', studentHidden, teacherHidden);
    const matches = matchesOf(options, fit as Fit);
    const lastHiddenState = matches.some(({ student }) => student === layers.student);
    return { ...NOTHING, lastHiddenState, hiddenStates: teacherLayers(matches) };
  },
  parameters(options, fit) {
    const { studentHidden, teacherHidden } = fit as Fit;
    const matches = matchesOf(options, fit as Fit);
    const spec = projectionSpec(studentHidden, teacherHidden);
    const projections = options.projection === 'none' ? [] : matches.map((_, i) => [projectionName(options, i), spec]);
    return { ...Object.fromEntries(projections), ...combinationSpecs(matches) };
  },
  loss(options, { student, teacher, mask, parameters }, fit) {
    const distances = matchesOf(options, fit as Fit).map((match, i) => {
      const own = project(student.hiddenStates[match.student] as Tensor, parameters[projectionName(options, i)]);
      const target = combination(match, i, (layer) => teacher.hiddenStates.get(layer) as Tensor, parameters);
      return tokenDistance(options.distance, own, target, mask);
    });
    return meanOf(distances);
  },
};
