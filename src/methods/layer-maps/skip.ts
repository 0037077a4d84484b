import type { SkipMap } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { type LayerMapKind, strideOf } from './layer-map.js';

/**
 * PKD-Skip (Sun et al. 2019, arXiv:1908.09355, §3.2): student layer m from teacher layer m·N/M, but the last from none,
 * since soft labels teach it, nor the embeddings: 6 layers learn from layers 2, 4, 6, 8 and 10 of 12.
 */
export const skip: LayerMapKind<SkipMap> = {
  type: 'skip',
  matches(_, layers) {
    const stride = strideOf('skip', layers);
    if (layers.student < 2) {
      throw new StepFailure(
        'layer-map',
        'layer map "skip" leaves out the last student layer, and the student has no other',
        'Take layer_map: last, or give pairs.',
      );
    }
    return Array.from({ length: layers.student - 1 }, (_, i) => ({ student: i + 1, teachers: [(i + 1) * stride] }));
  },
};
