import type { UniformMap } from '../../options/train.js';
import { type LayerMapKind, strideOf } from './layer-map.js';

/** TinyBERT's g(m) = m·N/M (Jiao et al. 2020, arXiv:1909.10351, §3.1), so N must be a multiple of M. */
export const uniform: LayerMapKind<UniformMap> = {
  type: 'uniform',
  matches(_, layers, first) {
    const stride = strideOf('uniform', layers);
    return Array.from({ length: layers.student + 1 - first }, (_, i) => ({
      student: i + first,
      teachers: [(i + first) * stride],
    }));
  },
};
