import { StepFailure } from '../util/failure.js';
import type { Head, Part, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { describeTransformer, readParameters, type TransformerModel } from './checkpoint.js';
import { initialize, type Parameters } from './initialize.js';

/** How a model starts from another. */
export interface Start {
  /** Of the one that is to be trained. */
  readonly head: Exclude<Head, 'none'>;
  /** As many as its head has outputs; none if it writes. */
  readonly labels: readonly string[];
  /** Layers to take over, counted from 1 in ascending order; or how many, spread evenly; undefined: all. */
  readonly layers: number | readonly number[] | undefined;
  /** Tokens to read of a text; undefined: as many as the other model does. */
  readonly maxLength: number | undefined;
  /** Undefined: the other model's. */
  readonly dropout: number | undefined;
  readonly seed: number;
}

/**
 * A model that starts from the weights of a folder's model: all of its layers, or some (as DistilBERT starts from
 * every other layer of BERT, Sanh et al. 2019, arXiv:1910.01108). Its head is taken over where it is of the same kind and
 * the labels are the same, and else drawn.
 *
 * @throws StepFailure if the folder holds no model that we know, or does not fit what is asked
 */
export async function startFrom(folder: string, start: Start): Promise<TransformerModel> {
  const other = await describeTransformer(folder);
  const { layers } = other.config;
  const taken = layersTaken(start.layers, layers);
  const maxLength = start.maxLength ?? other.config.maxLength;
  if (maxLength > other.config.positions) {
    throw new StepFailure(
      'max-length',
      `max_length is ${maxLength}, but the model to start from has positions for ${other.config.positions} tokens`,
      `Give max_length: ${other.config.positions} or less.`,
    );
  }
  // What it read is not for this one to read.
  const { pairs: _, ...shape } = other.config;
  const whole: TransformerConfig = {
    ...shape,
    head: start.head,
    labels: start.labels.length,
    maxLength,
    dropout: start.dropout ?? other.config.dropout,
  };
  const architecture = architectureOf(whole);
  const config = architecture.withLayers?.(whole, taken) ?? { ...whole, layers: taken.length };
  const sameLabels = other.config.head === start.head && other.labels.join('\n') === start.labels.join('\n');
  const found = await readParameters(folder, whole, new Set<Part>(['head']));
  const specs = architecture.parameters(config);
  const drawn = initialize(specs, start.seed);
  const parameters: Parameters = {};
  for (const [name, { part, shape }] of Object.entries(specs)) {
    const own = typeof part === 'number' ? architecture.layerPrefix(config, part) : '';
    // A final norm belongs to the last layer and has no layer's name.
    const moved = typeof part === 'number' && name.startsWith(own);
    const from = moved ? architecture.layerPrefix(whole, taken[part - 1] as number) + name.slice(own.length) : name;
    // A label's row of the old head means that label: with others the head starts anew, below it nothing does.
    const keep = part !== 'head' || sameLabels || !shape.includes(start.labels.length);
    parameters[name] = ((keep && found[from]) || drawn[name]) as Parameters[string];
  }
  return { config, labels: start.labels, parameters };
}

function layersTaken(asked: Start['layers'], layers: number): readonly number[] {
  if (asked === undefined) return Array.from({ length: layers }, (_, i) => i + 1);
  if (typeof asked === 'number') {
    const stride = layers / asked;
    if (!Number.isInteger(stride)) {
      throw new StepFailure(
        'layers',
        `${asked} of ${layers} layers cannot be spread evenly`,
        'Name them, e.g. layers: [1, 3, 5].',
      );
    }
    return Array.from({ length: asked }, (_, i) => (i + 1) * stride);
  }
  for (const layer of asked) {
    if (layer < 1 || layer > layers) {
      throw new StepFailure(
        'layers',
        `layers names layer ${layer}, but the model to start from has layers 1 to ${layers}`,
        layer === 0 ? 'The first layer is 1 here, as in layer maps, where 0 is the embedding output.' : undefined,
      );
    }
  }
  return asked;
}
