import { countFlops } from '../backend/flops.js';
import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { encode, forward } from '../models/forward.js';
import { readsTexts } from '../models/heads.js';
import type { Parameters } from '../models/initialize.js';
import { padTokens } from '../models/padding.js';
import { Random } from '../util/random.js';
import { specsOf } from './shape.js';

/** Calls before any is timed, and timed ones: at least so many, then until a second has passed, at most so many. */
const WARM_UP = 3;
const LEAST = 7;
const MOST = 60;
const ENOUGH_MS = 1000;

/** Texts, and how long they are. */
export interface Load {
  readonly batch: number;
  /** Tokens of each. */
  readonly length: number;
}

/** A model's logits; of a decoder that writes, those of the token after each text alone. */
const answerFunction = (config: TransformerConfig): TensorFunction => ({
  key: `answer ${JSON.stringify(config)}`,
  call: (p, { ids, mask }) => {
    const { decoder } = architectureOf(config);
    const next = config.head === 'language-model' && decoder;
    const lastTokens = next || readsTexts(config.head) ? 'pooled' : 'all';
    const input = { ids: ids as Tensor, mask: mask as Tensor, dropout: [], lastTokens } as const;
    if (!next) return { answer: forward(config, p, input).logits };
    return { answer: tf.matMul(encode(config, p, input).pooled, next.output(config, p), false, true) };
  },
});

function textsOf({ batch, length }: Load, { vocabulary, padId }: TransformerConfig): HostTensors {
  const random = new Random(0, 'texts');
  const text = (): Int32Array => Int32Array.from({ length }, () => random.below(vocabulary));
  return padTokens(Array.from({ length: batch }, text), batch, length, padId);
}

/** Floating-point operations of one text's answer. */
export function flopsOf(config: TransformerConfig, length: number): number {
  const shapes = Object.entries(specsOf(config)).map(
    ([name, { shape }]) => [name, { dtype: 'float32', shape }] as const,
  );
  return countFlops(answerFunction(config), Object.fromEntries(shapes), textsOf({ batch: 1, length }, config));
}

/** Milliseconds that a text takes: the median of some calls, over its texts. */
export async function millisecondsOf(
  config: TransformerConfig,
  parameters: Parameters,
  load: Load,
  place: { readonly runner: Runner; now(): number; readonly signal: AbortSignal },
): Promise<number> {
  const fn = answerFunction(config);
  const batch = textsOf(load, config);
  const times: number[] = [];
  for (let i = 0; i < WARM_UP; i++) await place.runner.forward(fn, parameters, batch);
  const began = place.now();
  while (times.length < LEAST || (times.length < MOST && place.now() - began < ENOUGH_MS)) {
    place.signal.throwIfAborted();
    const started = place.now();
    await place.runner.forward(fn, parameters, batch);
    times.push(place.now() - started);
  }
  return median(times) / load.batch;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}
