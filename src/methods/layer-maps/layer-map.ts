import { StepFailure } from '../../util/failure.js';

/** A student layer and what it learns from: one teacher layer, or several that are put together. 0 is the embedding output. */
export interface LayerMatch {
  readonly student: number;
  readonly teachers: readonly number[];
}

export interface LayerCounts {
  readonly student: number;
  readonly teacher: number;
}

/** 0 where the embedding output counts as a layer (hidden states), 1 where it does not (attention). */
export type FirstLayer = 0 | 1;

/** One way to say which student layer learns from which teacher layers. `Options` is its entry, as its schema has it. */
export interface LayerMapKind<Options> {
  readonly type: string;
  /** @throws StepFailure `layer-map` if it does not fit the two models */
  matches(options: Options, layers: LayerCounts, first: FirstLayer): LayerMatch[];
}

/**
 * Teacher layers of one student layer: N/M.
 * @throws StepFailure if N is no multiple of M
 */
export function strideOf(type: string, layers: LayerCounts): number {
  const stride = layers.teacher / layers.student;
  if (Number.isInteger(stride)) return stride;
  throw new StepFailure(
    'layer-map',
    `layer map "${type}" cannot map ${layers.student} student layers onto ${layers.teacher} teacher layers`,
    `Give pairs instead, e.g. layer_map: [[0, 0], [${layers.student}, ${layers.teacher}]].`,
  );
}

/**
 * @param what names a layer, as the message is to say it
 * @throws StepFailure if a layer is not there
 */
export function checkLayers(what: string, match: LayerMatch, layers: LayerCounts, first: FirstLayer): void {
  const named = [['student', match.student] as const, ...match.teachers.map((layer) => ['teacher', layer] as const)];
  for (const [who, layer] of named) {
    if (layer >= first && layer <= layers[who]) continue;
    throw new StepFailure(
      'layer-map',
      `${what} names ${who} layer ${layer}, but the ${who} has layers ${first} to ${layers[who]}`,
    );
  }
}
