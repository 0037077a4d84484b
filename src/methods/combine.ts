import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { ParameterSpec } from '../models/architecture.js';
import type { LayerMatch } from './layer-maps/layer-map.js';

const nameOf = (match: number): string => `combination.${match}`;

/** A weight for each teacher layer of a match that has several, before the softmax: all the same at first. */
export function combinationSpecs(matches: readonly LayerMatch[]): Record<string, ParameterSpec> {
  const several = matches.flatMap(({ teachers }, i) => (teachers.length > 1 ? [[i, teachers.length] as const] : []));
  return Object.fromEntries(
    several.map(([i, count]) => [nameOf(i), { shape: [count], initial: 'zeros', decay: false } as const]),
  );
}

/**
 * What the student layer of a match learns from: the teacher's layer, or Σ softmax(w)ⱼ·layerⱼ with learnt w.
 * @param place of the match in its map
 * @param layerOf a teacher layer's tensor; all of one shape
 */
export function combination(
  { teachers }: LayerMatch,
  place: number,
  layerOf: (layer: number) => Tensor,
  parameters: Tensors,
): Tensor {
  const layers = teachers.map(layerOf);
  if (layers.length === 1) return layers[0] as Tensor;
  const weights = tf.softmax(parameters[nameOf(place)] as Tensor);
  return layers
    .map((layer, j) => tf.mul(layer, tf.slice(weights, [j], [1])))
    .reduce((sum, layer) => tf.add(sum, layer));
}
