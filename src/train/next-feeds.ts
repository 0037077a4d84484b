import type { HostTensor, HostTensors, Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { LogitsCache, TokenSignal } from '../data/logits.js';
import type { NextTokens } from '../methods/objective.js';

/** A cached language model's next tokens in a batch: made here and read here. */

const name = (teacher: number, part: string): string => `teacher.${teacher}.next.${part}`;

/** Where a token is to be written: an example's row, and the place before it. */
export interface Place {
  readonly id: string;
  /** The tokens of which the teacher spoke. */
  readonly ids: Int32Array;
  readonly at: number;
}

/** The log of no mass at all, finite so that 0 times it is 0. */
const NOTHING = -1e4;

/**
 * What a cache says of tokens that are to be written, padded to `room` of them.
 * @param places those of one text stand together
 * @param temperature at which the cache is read; of `full` it is of no account
 */
export function nextFeeds(
  teacher: number,
  cache: LogitsCache,
  places: readonly Place[],
  room: number,
  temperature: number,
): HostTensors {
  const tokens = cache.index.tokens as TokenSignal;
  const width = { full: tokens.vocabulary, 'top-k': 'k' in tokens ? tokens.k : 0, sampled: 0 }[tokens.keep];
  const read = reader(cache, tokens.keep === 'full' ? 1 : temperature);
  const floats = (columns: number): Float32Array => new Float32Array(room * columns);
  const tensor = (data: Float32Array | Int32Array, columns: number): HostTensor => ({
    dtype: data instanceof Int32Array ? 'int32' : 'float32',
    shape: [room, columns],
    data,
  });
  if (tokens.keep === 'full') {
    const logits = floats(width);
    for (const [i, place] of places.entries()) {
      const row = read(place) as Of<'full'>;
      logits.set(row.logits.subarray(place.at * width, (place.at + 1) * width), i * width);
    }
    return { [name(teacher, 'logits')]: tensor(logits, width) };
  }
  if (tokens.keep === 'top-k') {
    const [ids, logs, tails] = [new Int32Array(room * width), floats(width), floats(1)];
    for (const [i, place] of places.entries()) {
      const { ids: named, logProbabilities, tail } = read(place) as Of<'top-k'>;
      const [from, to] = [place.at * width, (place.at + 1) * width];
      ids.set(named.subarray(from, to), i * width);
      logs.set(logProbabilities.subarray(from, to), i * width);
      tails[i] = Math.max(NOTHING, tail[place.at] as number);
    }
    return {
      [name(teacher, 'ids')]: tensor(ids, width),
      [name(teacher, 'log_probabilities')]: tensor(logs, width),
      [name(teacher, 'tail')]: tensor(tails, 1),
    };
  }
  const most = Math.min(tokens.samples, tokens.vocabulary);
  const [ids, weights] = [new Int32Array(room * most), floats(most)];
  for (const [i, place] of places.entries()) {
    const { starts, ids: named, weights: own } = read(place) as Of<'sampled'>;
    const [from, to] = [starts[place.at] as number, starts[place.at + 1] as number];
    ids.set(named.subarray(from, to), i * most);
    weights.set(own.subarray(from, to), i * most);
  }
  return { [name(teacher, 'ids')]: tensor(ids, most), [name(teacher, 'weights')]: tensor(weights, most) };
}

type Said = ReturnType<LogitsCache['nextTokens']>;
type Of<K extends Said['keep']> = Extract<Said, { readonly keep: K }>;

/** Reads a text once for all of its tokens. */
function reader(cache: LogitsCache, temperature: number): (place: Place) => Said {
  let [last, said]: [string | undefined, Said | undefined] = [undefined, undefined];
  return ({ id, ids }) => {
    if (id !== last || said === undefined) [last, said] = [id, cache.nextTokens(id, ids, temperature)];
    return said;
  };
}

/** What `nextFeeds` fed of a teacher, in a graph; undefined if it fed nothing. */
export function fedNext(teacher: number, batch: Tensors): NextTokens | undefined {
  const fed = (part: string): Tensor | undefined => batch[name(teacher, part)];
  const logits = fed('logits');
  if (logits) return { keep: 'full', logits };
  const ids = fed('ids');
  if (!ids) return undefined;
  const weights = fed('weights');
  if (weights) return { keep: 'sampled', ids, weights };
  return {
    keep: 'top-k',
    ids,
    logProbabilities: fed('log_probabilities') as Tensor,
    tail: fed('tail') as Tensor,
  };
}
