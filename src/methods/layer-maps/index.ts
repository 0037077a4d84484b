import type { LayerMap } from '../../options/train.js';
import { combined } from './combined.js';
import { last } from './last.js';
import type { FirstLayer, LayerCounts, LayerMapKind, LayerMatch } from './layer-map.js';
import { pairs } from './pairs.js';
import { skip } from './skip.js';
import { uniform } from './uniform.js';

/** Every layer map: add a module and a line, and its schema to `schemas/layer-map.schema.json`. */
const layerMaps = [uniform, last, skip, pairs, combined] as const;

/**
 * Which student layer learns from which teacher layers.
 * @param first 0 where the embedding output counts as layer 0 (hidden states), 1 where it does not (attention)
 * @throws StepFailure `layer-map` if the map does not fit the two models
 */
export function layerMatches(map: LayerMap, layers: LayerCounts, first: FirstLayer): LayerMatch[] {
  const type = Array.isArray(map) ? 'pairs' : map.type;
  const kind = layerMaps.find((candidate) => candidate.type === type) as LayerMapKind<LayerMap>;
  return kind.matches(map, layers, first);
}

/** Teacher layers that a map reads, each once. */
export const teacherLayers = (matches: readonly LayerMatch[]): number[] => [
  ...new Set(matches.flatMap(({ teachers }) => teachers)),
];
