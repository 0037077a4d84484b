import type { LayerMap } from '../../options/train.js';
import { checkLayers, type LayerMapKind } from './layer-map.js';

/** Pairs [student layer, teacher layer], as the recipe gives them. */
export const pairs: LayerMapKind<Extract<LayerMap, unknown[]>> = {
  type: 'pairs',
  matches: (given, layers, first) =>
    given.map(([student, teacher]) => {
      const match = { student, teachers: [teacher] };
      checkLayers(`layer map pair [${student}, ${teacher}]`, match, layers, first);
      return match;
    }),
};
