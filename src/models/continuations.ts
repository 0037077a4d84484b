import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { EncodedBatch, type TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from './architecture.js';
import { encode, tokenLosses } from './forward.js';
import { bucketLength, padTokens } from './padding.js';

/** Texts that a language model is to write, as tokens: what is given, what follows, and the token that ends it. */

/** A prompt, and what is to be written behind it; without a prompt the text is learnt as a whole. */
export interface Written {
  readonly prompt: string | undefined;
  readonly text: string;
}

/** The share of a prompt's room that its end keeps where its middle has to go. */
const END = 0.25;

/**
 * A prompt's tokens, one at least. What does not fit loses its middle: how a text begins says most, and what the template
 * says behind it stays.
 */
export function fitPrompt(tokens: Int32Array, room: number, endId: number): Int32Array {
  if (tokens.length === 0) return Int32Array.of(endId);
  if (tokens.length <= room) return tokens;
  const tail = Math.floor(room * END);
  return Int32Array.from([...tokens.subarray(0, room - tail), ...tokens.subarray(tokens.length - tail)]);
}

/** Names under which a batch's tokens to be written are fed. */
export const NEXT = { positions: 'next.positions', targets: 'next.targets', weights: 'next.weights' };

/** Texts some of whose tokens a model is to tell. */
export type ToTell = Pick<Continuations, 'size' | 'length' | 'count' | 'room' | 'feeds'>;

/** Many of them, each at most as long as the model reads. */
export class Continuations {
  private constructor(
    readonly tokens: EncodedBatch,
    /** Tokens of each that are given. */
    private readonly given: Int32Array,
    /** Tokens of each that are a text's own; −1 where a prompt stands before it. */
    private readonly own: Int32Array,
    /** Of what was to be encoded, those that are here: the others' texts are longer than the model can write. */
    readonly kept: readonly number[],
  ) {}

  static async encode(
    texts: readonly Written[],
    tokenizer: TextTokenizer,
    endId: number,
    maxLength: number,
  ): Promise<Continuations> {
    const prompts = await tokenizer.encodeWhole(
      texts.map(({ prompt, text }) => prompt ?? text),
      'prompt',
    );
    const written = await tokenizer.encodeWhole(
      texts.map(({ prompt, text }) => (prompt === undefined ? '' : text)),
      'continuation',
    );
    const parts: Int32Array[] = [];
    const given: number[] = [];
    const own: number[] = [];
    const kept: number[] = [];
    for (const [i, { prompt }] of texts.entries()) {
      const [before, after] = [prompts[i] as Int32Array, written[i] as Int32Array];
      if (prompt === undefined) {
        const whole = Int32Array.from([...fitPrompt(before, Number.POSITIVE_INFINITY, endId), endId]);
        parts.push(whole.subarray(0, maxLength));
        given.push(1);
        own.push(Math.min(before.length, maxLength));
      } else {
        const room = maxLength - after.length - 1;
        if (room < 1) continue;
        const asked = fitPrompt(before, room, endId);
        parts.push(Int32Array.from([...asked, ...after, endId]));
        given.push(asked.length);
        own.push(-1);
      }
      kept.push(i);
    }
    return new Continuations(EncodedBatch.of(parts), Int32Array.from(given), Int32Array.from(own), kept);
  }

  /** Texts that are tokens already: each with how many of them are given. */
  static of(texts: readonly { readonly ids: Int32Array; readonly given: number }[]): Continuations {
    return new Continuations(
      EncodedBatch.of(texts.map(({ ids }) => ids)),
      Int32Array.from(texts, ({ given }) => given),
      new Int32Array(texts.length).fill(-1),
      texts.map((_, i) => i),
    );
  }

  /** The tokens that are given. */
  prompt(i: number): Int32Array {
    return this.tokens.ids(i).subarray(0, this.given[i]);
  }

  get size(): number {
    return this.given.length;
  }

  length(i: number): number {
    return this.tokens.length(i);
  }

  /** Tokens to be written, the end among them. */
  count(i: number): number {
    return this.tokens.length(i) - (this.given[i] as number);
  }

  /** The tokens of a text that is learnt as a whole, without its end: what a teacher of texts has read. */
  text(i: number): Int32Array | undefined {
    const own = this.own[i] as number;
    return own < 0 ? undefined : this.tokens.ids(i).subarray(0, own);
  }

  /** The places before the tokens to be written, in the order of `feeds`. */
  places(i: number): number[] {
    const first = (this.given[i] as number) - 1;
    return Array.from({ length: this.count(i) }, (_, n) => first + n);
  }

  /**
   * Room for the tokens that a batch is to write: a little more than they are on average, or a multiple of it, so that
   * batches have few shapes.
   */
  room(batch: number): (rows: readonly number[], length: number) => number {
    const all = this.tokens.flat.length - this.given.reduce((sum, n) => sum + n, 0);
    const usual = STEP * Math.ceil((SPARE * batch * all) / this.size / STEP);
    return (rows, length) => {
      const wanted = rows.reduce((sum, i) => sum + this.count(i), 0);
      return Math.min(batch * length, usual * Math.max(1, Math.ceil(wanted / usual)));
    };
  }

  /** `ids` and `mask` [batch, length]; positions before the tokens to be written, these, and 1 for each: [room]. */
  feeds(rows: readonly number[], batch: number, length: number, room: number, padId: number): HostTensors {
    const positions = new Int32Array(room);
    const targets = new Int32Array(room);
    const weights = new Float32Array(room);
    const texts = rows.map((i) => this.tokens.ids(i));
    let n = 0;
    texts.forEach((ids, row) => {
      for (const at of this.places(rows[row] as number)) {
        positions[n] = row * length + at;
        targets[n] = ids[at + 1] as number;
        weights[n++] = 1;
      }
    });
    return {
      ...padTokens(texts, batch, length, padId),
      [NEXT.positions]: { dtype: 'int32', shape: [room], data: positions },
      [NEXT.targets]: { dtype: 'int32', shape: [room], data: targets },
      [NEXT.weights]: { dtype: 'float32', shape: [room], data: weights },
    };
  }
}

/** Mean −log p of all tokens, in nats. */
export const meanLoss = (surprises: readonly Surprise[]): number =>
  surprises.reduce((sum, { loss }) => sum + loss, 0) / surprises.reduce((sum, { tokens }) => sum + tokens, 0);

const STEP = 64;
const SPARE = 1.25;
const BATCH = 16;

/** What a language model finds unlikely of a text's tokens that it is to tell. */
export interface Surprise {
  /** Sum of −log p of these, in nats. */
  readonly loss: number;
  readonly tokens: number;
}

/**
 * What a language model says of each text.
 * @param after called after each batch with how many are done
 */
export async function surpriseOf(
  runner: Runner,
  config: TransformerConfig,
  parameters: HostTensors,
  texts: ToTell,
  after: (done: number) => Promise<void> = async () => {},
): Promise<Surprise[]> {
  const fn: TensorFunction = {
    key: `token losses ${JSON.stringify(config)}`,
    call: (p, b) => {
      const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' as const };
      const x = encode(config, p, input).hiddenStates.at(-1) as Tensor;
      return { losses: tokenLosses(config, p, x, b[NEXT.positions] as Tensor, b[NEXT.targets] as Tensor) };
    },
  };
  const found: Surprise[] = Array.from({ length: texts.size });
  const order = Array.from({ length: texts.size }, (_, i) => i);
  order.sort((a, b) => texts.length(a) - texts.length(b) || a - b);
  const roomFor = texts.room(BATCH);
  for (let start = 0; start < order.length; start += BATCH) {
    const rows = order.slice(start, start + BATCH);
    const length = bucketLength(Math.max(...rows.map((i) => texts.length(i))), config.maxLength);
    const feeds = texts.feeds(rows, BATCH, length, roomFor(rows, length), config.padId);
    const { losses } = (await runner.forward(fn, parameters, feeds)) as { losses: Float32Array };
    let n = 0;
    for (const i of rows) {
      const tokens = texts.count(i);
      let loss = 0;
      for (let k = 0; k < tokens; k++) loss += losses[n++] as number;
      found[i] = { loss, tokens };
    }
    await after(start + rows.length);
  }
  return found;
}
