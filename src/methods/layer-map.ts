import type { HiddenStates } from '../options/train.js';
import { StepFailure } from '../util/failure.js';

/** `uniform`, `last`, or pairs [student layer, teacher layer]; 0 is the embedding output. */
export type LayerMap = HiddenStates['layer_map'];

export interface LayerPair {
  readonly student: number;
  readonly teacher: number;
}

export interface LayerCounts {
  readonly student: number;
  readonly teacher: number;
}

/**
 * Which student layer learns from which teacher layer.
 *
 * `uniform` is TinyBERT's g(m) = m·N/M (Jiao et al. 2020, arXiv:1909.10351, §3.1), so N must be a multiple of M.
 * `last` pairs only the last two, as MiniLM does (Wang et al. 2020, arXiv:2002.10957).
 *
 * @param first 0 where the embedding output counts as layer 0 (hidden states), 1 where it does not (attention)
 * @throws StepFailure if the map does not fit the two models
 */
export function layerPairs(map: LayerMap, layers: LayerCounts, first: 0 | 1): LayerPair[] {
  if (map === 'last') return [{ student: layers.student, teacher: layers.teacher }];
  if (map === 'uniform') {
    const stride = layers.teacher / layers.student;
    if (!Number.isInteger(stride)) {
      throw new StepFailure(
        'layer-map',
        `layer map "uniform" cannot map ${layers.student} student layers onto ${layers.teacher} teacher layers`,
        `Give pairs instead, e.g. layer_map: [[0, 0], [${layers.student}, ${layers.teacher}]].`,
      );
    }
    return Array.from({ length: layers.student + 1 - first }, (_, i) => ({
      student: i + first,
      teacher: (i + first) * stride,
    }));
  }
  return map.map(([student, teacher]) => {
    for (const [who, layer, count] of [
      ['student', student, layers.student],
      ['teacher', teacher, layers.teacher],
    ] as const) {
      if (layer < first || layer > count) {
        throw new StepFailure(
          'layer-map',
          `layer map pair [${student}, ${teacher}] names ${who} layer ${layer}, but the ${who} has layers ${first} to ${count}`,
        );
      }
    }
    return { student, teacher };
  });
}
