import { setImmediate as turn } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { HostTensor, HostTensors, Outputs, Runner, TensorFunction, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Architecture, Decoder, KeysValues, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { cached } from './decoder.js';
import { encode, vocabularyLogits } from './forward.js';
import type { Parameters } from './initialize.js';
import { padTokens } from './padding.js';
import { TOGETHER } from './together.js';

/** Room for so many tokens more is made at a time: each size is compiled once. */
const CAPACITY_STEP = 128;
const UNUSED = -1e9;

/** Chooses a token from the logits [vocabulary] of what may come next. */
export type Choose = (logits: Float32Array) => number;
/** The same, where that is known later. */
export type ChooseLater = (logits: Float32Array) => Promise<number>;

/** The token that is most likely; the first of those that are equally likely. */
export const greedy = (logits: Float32Array): number => {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
};

/** Keys and values of all layers, as float32 [slots, kv heads, capacity, width] each; of a slot the first `used` are filled. */
class Memory {
  /** Of each slot that is taken. */
  readonly used: number[] = [];
  private buffers: Float32Array[] = [];
  private slots = 0;
  private capacity = 0;

  constructor(
    private readonly count: number,
    private readonly heads: number,
    private readonly width: number,
  ) {}

  /** Makes room for so many slots, and for so many tokens in each. */
  reserve(slots: number, tokens: number): void {
    if (slots <= this.slots && tokens <= this.capacity) return;
    const { heads, width } = this;
    const capacity = Math.max(this.capacity, Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP);
    const most = Math.max(this.slots, slots);
    const before = this.buffers;
    this.buffers = Array.from({ length: this.count }, (_, i) => {
      const fresh = new Float32Array(most * heads * capacity * width);
      for (const [slot, used] of this.used.entries()) {
        for (let head = slot * heads; head < (slot + 1) * heads; head++) {
          const from = head * this.capacity * width;
          fresh.set(before[i]?.subarray(from, from + used * width) ?? [], head * capacity * width);
        }
      }
      return fresh;
    });
    [this.slots, this.capacity] = [most, capacity];
  }

  /** Appends `tokens` tokens to a slot: those of a row of [rows, kv heads, length, width], of which there may be more. */
  append(slot: number, parts: readonly Float32Array[], row: number, length: number, tokens: number): void {
    const { heads, width, capacity } = this;
    const used = this.used[slot] as number;
    parts.forEach((part, i) => {
      for (let head = 0; head < heads; head++) {
        const from = (row * heads + head) * length * width;
        (this.buffers[i] as Float32Array).set(
          part.subarray(from, from + tokens * width),
          ((slot * heads + head) * capacity + used) * width,
        );
      }
    });
    this.used[slot] = used + tokens;
  }

  /** Frees a slot; the last one takes its place. */
  free(slot: number): void {
    const last = this.used.length - 1;
    const used = this.used.pop() as number;
    if (last === 0) {
      // The next one begins with no more room than it needs.
      [this.buffers, this.slots, this.capacity] = [[], 0, 0];
    } else if (slot !== last) {
      const size = this.heads * this.capacity * this.width;
      for (const buffer of this.buffers) buffer.copyWithin(slot * size, last * size, (last + 1) * size);
      this.used[slot] = used;
    }
  }

  /** The first slots. */
  feeds(slots: number): HostTensor[] {
    const shape = [slots, this.heads, this.capacity, this.width];
    const size = shape.reduce((a, b) => a * b);
    return this.buffers.map((data) => ({ dtype: 'float32', shape, data: data.subarray(0, size) }));
  }

  /** What of the first slots is not filled. */
  unfilled(slots: number): HostTensor {
    const { capacity } = this;
    const data = new Float32Array(slots * capacity);
    for (let slot = 0; slot < slots; slot++) {
      data.fill(UNUSED, slot * capacity + (this.used[slot] ?? 0), (slot + 1) * capacity);
    }
    return { dtype: 'float32', shape: [slots, 1, 1, capacity], data };
  }
}

const name = (kind: 'key' | 'value', layer: number): string => `${kind}.${layer}`;
/** Before the names of what was kept, where it is fed. */
const PAST = 'past.';
const named = (memory: readonly KeysValues[]): Tensors =>
  Object.fromEntries(
    memory.flatMap(({ keys, values }, i) => [
      [name('key', i), keys],
      [name('value', i), values],
    ]),
  );

/** Sequences that a step may be for. One alone is computed by other, faster routines, which round in another way. */
const SIZES = [1, 2, 4, 8];
/** Turns of the event loop in which others may ask for their next token as well. */
const PATIENCE = 2;

/** A text that is being made; `slot` is its place in the memory. */
interface Sequence {
  slot: number;
}

interface Asked {
  readonly token: number;
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A language model that continues token sequences, one token at a time, and computes none twice. Those that are asked for
 * at the same time are continued together: a step reads the weights once for all of them.
 */
export class Generator {
  private readonly architecture: Architecture;
  private readonly decoder: Decoder;
  private readonly memory: Memory;
  /** Everything that uses the memory, one after the other. */
  private readonly work = new PQueue({ concurrency: 1 });
  /** By their slots. */
  private readonly sequences: Sequence[] = [];
  private readonly asked = new Map<Sequence, Asked>();
  private planned = false;
  private places = TOGETHER;
  private readonly waiting: (() => void)[] = [];

  /**
   * Throws (a bug) if the model is no language model.
   * @param reproducible what follows a prompt does not depend, in its last bits, on what else is asked meanwhile; one
   *   alone takes up to twice as long
   */
  constructor(
    private readonly config: TransformerConfig,
    private readonly parameters: Parameters,
    private readonly runner: Runner,
    private readonly reproducible = false,
  ) {
    this.architecture = architectureOf(config);
    if (!this.architecture.decoder || config.head !== 'language-model') throw new Error('no language model');
    this.decoder = this.architecture.decoder;
    this.memory = new Memory(2 * config.layers, this.decoder.kvHeads(config), this.decoder.headWidth(config));
  }

  /**
   * The tokens that follow a prompt, as they are made: at most `most`, and no more than the model has positions for.
   *
   * @param prompt one token at least
   * @param choose picks each token
   */
  async *generate(prompt: Int32Array, most: number, choose: Choose | ChooseLater): AsyncGenerator<number> {
    while (this.places === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.places--;
    const sequence: Sequence = { slot: -1 };
    try {
      let logits = await this.work.add(() => this.read(sequence, prompt, most));
      for (let made = 0; made < most; made++) {
        const token = await choose(logits);
        yield token;
        if (made + 1 === most || this.used(sequence) >= this.config.positions) return;
        logits = await this.next(sequence, token);
      }
    } finally {
      await this.work.add(async () => this.leave(sequence));
      this.places++;
      this.waiting.shift()?.();
    }
  }

  /** How many a step is for. */
  private size(): number {
    const least = Math.max(this.sequences.length, this.reproducible ? 2 : 1);
    return SIZES.find((size) => size >= least) as number;
  }

  private used({ slot }: Sequence): number {
    return this.memory.used[slot] as number;
  }

  /** The whole prompt at once. */
  private async read(sequence: Sequence, prompt: Int32Array, most: number): Promise<Float32Array> {
    const { config, memory } = this;
    const length = Math.min(config.positions, Math.ceil(prompt.length / 32) * 32);
    const batch = padTokens([prompt], 1, length, config.padId);
    const fn: TensorFunction = {
      key: `prompt ${JSON.stringify(config)}`,
      call: (p, b) => {
        const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'pooled' as const };
        const { pooled, memory: kept } = encode(config, p, input);
        return { logits: vocabularyLogits(config, p, pooled), ...named(kept ?? []) };
      },
    };
    const outputs = await this.runner.forward(fn, this.parameters, batch);
    sequence.slot = this.sequences.push(sequence) - 1;
    memory.used.push(0);
    const room = Math.min(config.positions, prompt.length + Math.min(most, CAPACITY_STEP));
    memory.reserve(this.size(), room);
    memory.append(sequence.slot, this.partsOf(outputs), 0, length, prompt.length);
    return outputs.logits as Float32Array;
  }

  private leave(sequence: Sequence): void {
    const { slot } = sequence;
    if (slot < 0) return;
    const last = this.sequences.pop() as Sequence;
    if (last !== sequence) {
      this.sequences[slot] = last;
      last.slot = slot;
    }
    this.memory.free(slot);
  }

  /** The logits of what comes after a token. */
  private next(sequence: Sequence, token: number): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.asked.set(sequence, { token, resolve, reject });
      void this.plan();
    });
  }

  private async plan(): Promise<void> {
    if (this.planned) return;
    this.planned = true;
    for (let i = 0; i < PATIENCE && this.asked.size < this.sequences.length; i++) await turn();
    this.planned = false;
    await this.work.add(() => this.step());
  }

  /** One token more of all sequences that ask for one; of the others a place is computed in vain. */
  private async step(): Promise<void> {
    const asked = [...this.asked];
    this.asked.clear();
    if (asked.length === 0) return;
    const { config, decoder, memory } = this;
    const rows = this.size();
    memory.reserve(rows, Math.max(...memory.used) + 1);
    const ids = new Int32Array(rows);
    for (const [{ slot }, { token }] of asked) ids[slot] = token;
    const past = memory
      .feeds(rows)
      .map((tensor, i) => [PAST + name(i % 2 === 0 ? 'key' : 'value', i >> 1), tensor] as const);
    const batch: HostTensors = {
      ids: { dtype: 'int32', shape: [rows, 1], data: ids },
      free: memory.unfilled(rows),
      ...Object.fromEntries(past),
      ...decoder.positionFeeds(
        config,
        Array.from({ length: rows }, (_, slot) => Math.min(memory.used[slot] ?? 0, config.positions - 1)),
      ),
    };
    try {
      const outputs = await this.runner.forward(this.stepFunction(), this.parameters, batch);
      const [logits, parts] = [outputs.logits as Float32Array, this.partsOf(outputs)];
      const width = logits.length / rows;
      for (const [{ slot }, { resolve }] of asked) {
        memory.append(slot, parts, slot, 1, 1);
        resolve(logits.subarray(slot * width, (slot + 1) * width));
      }
    } catch (error) {
      for (const [, { reject }] of asked) reject(error);
    }
  }

  private stepFunction(): TensorFunction {
    const { config, decoder } = this;
    return {
      key: `next token ${JSON.stringify(config)}`,
      call: (p, b) => {
        const past = Array.from({ length: config.layers }, (_, i) => ({
          keys: b[PAST + name('key', i)] as Tensor,
          values: b[PAST + name('value', i)] as Tensor,
        }));
        const { x, memory } = decoder.step(config, p, {
          ids: b.ids as Tensor,
          lookBack: cached(past, b.free as Tensor),
          position: b,
        });
        return { logits: vocabularyLogits(config, p, tf.reshape(x, [-1, config.hidden])), ...named(memory) };
      },
    };
  }

  private partsOf(outputs: Outputs): Float32Array[] {
    return Array.from(
      { length: 2 * this.config.layers },
      (_, i) => outputs[name(i % 2 === 0 ? 'key' : 'value', i >> 1)] as Float32Array,
    );
  }
}
