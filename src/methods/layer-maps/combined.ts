import type { CombinedMap } from '../../options/train.js';
import { checkLayers, type LayerMapKind } from './layer-map.js';

/** Layers from 1 to n. */
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/**
 * Each student layer from several teacher layers: nothing of the teacher is skipped (Wu et al. 2020, "Why Skip If You Can
 * Combine", EMNLP; ALP-KD, Passban et al. 2021, arXiv:2012.14022). How they are put together is in `combine.ts`.
 */
export const combined: LayerMapKind<CombinedMap> = {
  type: 'combined',
  matches({ matches }, layers, first) {
    if (!matches) return upTo(layers.student).map((student) => ({ student, teachers: upTo(layers.teacher) }));
    return matches.map(({ student, teacher }) => {
      const match = { student, teachers: teacher };
      checkLayers(`the match of student layer ${student} in layer map "combined"`, match, layers, first);
      return match;
    });
  },
};
