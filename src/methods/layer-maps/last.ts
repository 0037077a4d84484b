import type { LastMap } from '../../options/train.js';
import type { LayerMapKind } from './layer-map.js';

/** The last layer from the last, as MiniLM does (Wang et al. 2020, arXiv:2002.10957). */
export const last: LayerMapKind<LastMap> = {
  type: 'last',
  matches: (_, layers) => [{ student: layers.student, teachers: [layers.teacher] }],
};
