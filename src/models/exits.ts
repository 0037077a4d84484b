import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import { StepFailure } from '../util/failure.js';
import type {
  Encoded,
  LastTokens,
  ModelInput,
  ModelOutput,
  ParameterSpecs,
  TransformerConfig,
} from './architecture.js';
import { architectureOf } from './architectures.js';
import { dropoutSites, withHead } from './forward.js';
import { hasLabels, readsTexts } from './heads.js';
import type { Parameters } from './initialize.js';
import { Dropout } from './layers.js';

/** A head after one of a model's layers: with the layers up to there, a model of its own. */
export interface Exit {
  readonly layer: number;
  readonly config: TransformerConfig;
  /** Names of its parameters beside those of the whole, by its own: the layers are shared, the head is not. */
  readonly names: Readonly<Record<string, string>>;
}

/**
 * @param after layers, counted from 1, ascending
 * @throws StepFailure if there is no such layer below the last, or no head could read its states
 */
export function exitsOf(config: TransformerConfig, after: readonly number[]): Exit[] {
  const architecture = architectureOf(config);
  if (architecture.decoder || !hasLabels(config.head)) {
    throw new StepFailure(
      'exits',
      `a ${config.type} model ${architecture.decoder ? 'normalises what its last layer gives only, so no head can read the layers below' : 'without labels has no exits'}`,
      'Take a bert, a distilbert, a roberta or an albert that is to give labels or scores.',
      '/model',
    );
  }
  return after.map((layer, i) => {
    if (layer >= config.layers || layer <= (after[i - 1] ?? 0)) {
      throw new StepFailure(
        'exits',
        layer >= config.layers
          ? `there is no exit after layer ${layer}: the model has ${config.layers} layers, and its own head is after the last`
          : 'the layers of exits stand in ascending order',
        `Name layers from 1 to ${config.layers - 1}, the lowest first.`,
        `/teacher/after/${i}`,
      );
    }
    const layers = Array.from({ length: layer }, (_, k) => k + 1);
    const own = architecture.withLayers?.(config, layers) ?? { ...config, layers: layer };
    const names = Object.entries(architecture.parameters(own)).map(([name, { part }]) => [
      name,
      part === 'head' ? `exit.${layer}.${name}` : name,
    ]);
    return { layer, config: own, names: Object.fromEntries(names) };
  });
}

/** The parameters that an exit adds to the whole's. */
export function exitSpecs({ config, names }: Exit): ParameterSpecs {
  const all = Object.entries(architectureOf(config).parameters(config));
  return Object.fromEntries(all.flatMap(([own, spec]) => (names[own] === own ? [] : [[names[own] as string, spec]])));
}

/** The parameters of an exit as a model of its own. */
export const exitParameters = ({ names }: Exit, whole: Parameters): Parameters =>
  Object.fromEntries(Object.entries(names).map(([own, name]) => [own, whole[name] as Parameters[string]]));

/** What dropout may zero: the whole's sites, then those of each exit's head. */
export function exitSites(
  config: TransformerConfig,
  exits: readonly Exit[],
  batch: number,
  length: number,
  lastTokens: LastTokens,
): readonly (readonly number[])[] {
  const all = dropoutSites(config, batch, length, lastTokens);
  // A head that reads texts drops states of texts [batch, hidden], one that labels tokens the last layer's, once.
  const head = readsTexts(config.head) ? all.filter((shape) => shape.length === 2) : all.slice(-1);
  return [...all, ...exits.flatMap(() => head)];
}

/**
 * What the whole and its exits answer; the layers are computed once.
 *
 * @param views parameters of each exit by its own names, then of the whole
 * @returns of each exit, then of the whole
 */
export function forwardWithExits(
  config: TransformerConfig,
  exits: readonly Exit[],
  views: readonly Tensors[],
  input: ModelInput,
): ModelOutput[] {
  const drop = new Dropout(input.dropout, config.dropout);
  const whole = views.at(-1) as Tensors;
  const encoded = architectureOf(config).encode(config, whole, input, drop);
  const last = withHead(config, whole, encoded, drop);
  const others = exits.map((exit, i) => withHead(exit.config, views[i] as Tensors, upTo(encoded, exit), drop));
  return [...others, last];
}

/** What the layers up to an exit have computed. */
function upTo(encoded: Encoded, { layer, config }: Exit): Encoded {
  const hiddenStates = encoded.hiddenStates.slice(0, layer + 1);
  const first = tf.slice(hiddenStates[layer] as Tensor, [0, 0, 0], [-1, 1, -1]);
  return {
    hiddenStates,
    attentionScores: encoded.attentionScores.slice(0, layer),
    values: encoded.values.slice(0, layer),
    pooled: tf.reshape(first, [-1, config.hidden]),
  };
}
