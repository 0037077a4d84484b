import type { HostTensor, HostTensors, Outputs, Runner, TensorFunction, Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Architecture, Decoder, KeysValues, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { encode, nextToken } from './forward.js';
import type { Parameters } from './initialize.js';
import { padTokens } from './padding.js';

/** Room for so many tokens more is made at a time: each size is compiled once. */
const CAPACITY_STEP = 128;
const UNUSED = -1e9;

/** Chooses a token from the logits [vocabulary] of what may come next. */
export type Choose = (logits: Float32Array) => number;

/** The token that is most likely; the first of those that are equally likely. */
export const greedy: Choose = (logits) => {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
};

/** Keys and values of all layers, as float32 [kv heads, capacity, width] each, of which the first `used` are filled. */
class Memory {
  private buffers: Float32Array[] = [];
  capacity = 0;
  used = 0;

  constructor(
    private readonly count: number,
    private readonly heads: number,
    private readonly width: number,
  ) {}

  reserve(tokens: number): void {
    if (tokens <= this.capacity) return;
    const capacity = Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP;
    const { heads, width } = this;
    this.buffers = Array.from({ length: this.count }, (_, i) => {
      const fresh = new Float32Array(heads * capacity * width);
      for (let head = 0; head < heads; head++) {
        const from = head * this.capacity * width;
        fresh.set(this.buffers[i]?.subarray(from, from + this.used * width) ?? [], head * capacity * width);
      }
      return fresh;
    });
    this.capacity = capacity;
  }

  /** Appends `tokens` tokens of [1, kv heads, length, width], of which there may be more. */
  append(parts: readonly Float32Array[], length: number, tokens: number): void {
    const { heads, width, capacity, used } = this;
    parts.forEach((part, i) => {
      for (let head = 0; head < heads; head++) {
        const from = head * length * width;
        (this.buffers[i] as Float32Array).set(
          part.subarray(from, from + tokens * width),
          (head * capacity + used) * width,
        );
      }
    });
    this.used += tokens;
  }

  get feeds(): HostTensor[] {
    const shape = [1, this.heads, this.capacity, this.width];
    return this.buffers.map((data) => ({ dtype: 'float32', shape, data }));
  }

  get free(): HostTensor {
    const data = new Float32Array(this.capacity).fill(UNUSED, this.used);
    return { dtype: 'float32', shape: [1, 1, 1, this.capacity], data };
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

/** A language model that continues token sequences, one token at a time, and computes none twice. */
export class Generator {
  private readonly architecture: Architecture;
  private readonly decoder: Decoder;

  /** Throws (a bug) if the model is no language model. */
  constructor(
    private readonly config: TransformerConfig,
    private readonly parameters: Parameters,
    private readonly runner: Runner,
  ) {
    this.architecture = architectureOf(config);
    if (!this.architecture.decoder || config.head !== 'language-model') throw new Error('no language model');
    this.decoder = this.architecture.decoder;
  }

  /**
   * The tokens that follow a prompt, as they are made: at most `most`, and no more than the model has positions for.
   *
   * @param prompt one token at least
   * @param choose picks each token
   */
  async *generate(prompt: Int32Array, most: number, choose: Choose): AsyncGenerator<number> {
    const { config, decoder, parameters, runner } = this;
    const memory = new Memory(2 * config.layers, decoder.kvHeads(config), decoder.headWidth(config));
    memory.reserve(Math.min(config.positions, prompt.length + Math.min(most, CAPACITY_STEP)));
    let { logits, parts, length } = await this.read(prompt);
    memory.append(parts, length, prompt.length);
    for (let made = 0; made < most; made++) {
      const token = choose(logits);
      yield token;
      if (made + 1 === most || memory.used >= config.positions) return;
      memory.reserve(memory.used + 1);
      const past = memory.feeds.map((tensor, i) => [PAST + name(i % 2 === 0 ? 'key' : 'value', i >> 1), tensor]);
      const batch: HostTensors = {
        ids: { dtype: 'int32', shape: [1, 1], data: Int32Array.of(token) },
        free: memory.free,
        ...Object.fromEntries(past),
        ...decoder.positionFeeds(config, memory.used),
      };
      const outputs = await runner.forward(this.step(), parameters, batch);
      [logits, parts, length] = [outputs.logits as Float32Array, this.partsOf(outputs), 1];
      memory.append(parts, length, 1);
    }
  }

  /** The whole prompt at once. */
  private async read(prompt: Int32Array) {
    const length = Math.min(this.config.positions, Math.ceil(prompt.length / 32) * 32);
    const batch = padTokens([prompt], 1, length, this.config.padId);
    const fn: TensorFunction = {
      key: `prompt ${JSON.stringify(this.config)}`,
      call: (p, b) => {
        const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'pooled' as const };
        const { pooled, memory } = encode(this.config, p, input);
        return { logits: nextToken(this.config, p, pooled), ...named(memory ?? []) };
      },
    };
    const outputs = await this.runner.forward(fn, this.parameters, batch);
    return { logits: outputs.logits as Float32Array, parts: this.partsOf(outputs), length };
  }

  private step(): TensorFunction {
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
          past,
          free: b.free as Tensor,
          position: b,
        });
        return { logits: nextToken(config, p, tf.reshape(x, [1, config.hidden])), ...named(memory) };
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
