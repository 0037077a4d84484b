import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Feed } from '../backend/trace.js';
import type { Decoder, Head, KeysValues, LookBack, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { encode, forward, vocabularyLogits } from '../models/forward.js';
import { isHeadless, readsTexts } from '../models/heads.js';
import { Dropout } from '../models/layers.js';
import { StepFailure } from '../util/failure.js';

/** A pipeline of transformers.js, and of Python's transformers, that a model is for. */
export type Pipeline =
  | 'feature-extraction'
  | 'text-classification'
  | 'token-classification'
  | 'text-generation'
  | 'fill-mask';

/** How a model looks from outside: names, types and meaning of what it is fed and gives, as Hugging Face exports it. */
export interface Form {
  readonly pipeline: Pipeline;
  /** The output that is compared and used. */
  readonly output: 'logits' | 'last_hidden_state';
  /** Sizes of a recording, by the names of the axes. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Where each is read. */
  readonly axes: Readonly<Record<string, { readonly input: string; readonly axis: number }>>;
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly call: (parameters: Tensors, inputs: Tensors) => Tensors;
}

const PIPELINES: Readonly<Partial<Record<Head, Pipeline>>> = {
  none: 'feature-extraction',
  embedding: 'feature-extraction',
  classifier: 'text-classification',
  'multi-label': 'text-classification',
  regression: 'text-classification',
  'token-classifier': 'token-classification',
  'language-model': 'text-generation',
  'masked-language-model': 'fill-mask',
};

const BATCH = 'batch_size';
const LENGTH = 'sequence_length';
const PAST = 'past_sequence_length';
const TOTAL = 'total_sequence_length';
const MASKED = 1e9;

/**
 * Sizes to record at: different primes, so that products and sums of them are told apart. A model of learnt positions
 * cannot be recorded at more tokens than it has.
 */
const BATCHES = [13, 17, 19] as const;
const PASTS = [29, 37, 47] as const;
const LENGTHS = [5, 7, 11] as const;
const FEW_LENGTHS = [2, 3, 5] as const;

/** @throws StepFailure if there is no export of models of that task yet */
export function pipelineOf({ head }: TransformerConfig): Pipeline {
  const pipeline = PIPELINES[head];
  if (pipeline) return pipeline;
  throw new StepFailure(
    'task',
    `a model with head ${head} cannot be exported, only ${Object.keys(PIPELINES).join(', ')}`,
    "Its folder is read by Python's transformers as it is.",
  );
}

/**
 * A model's form at each of the sizes that it is recorded at.
 * @throws StepFailure if it reads fewer than 5 tokens
 */
export function formsOf(config: TransformerConfig): Form[] {
  const { decoder } = architectureOf(config);
  const lengths = [LENGTHS, FEW_LENGTHS].find((each) => each[2] <= config.positions);
  if (!lengths) {
    throw new StepFailure(
      'too-short',
      `a model of ${config.positions} positions is too short to be exported; 5 will do`,
    );
  }
  return BATCHES.map((batch, i) =>
    decoder
      ? decoderForm(config, decoder, batch, lengths[i] as number, PASTS[i] as number)
      : encoderForm(config, batch, lengths[i] as number),
  );
}

const int64 = (...shape: number[]): Feed => ({ dtype: 'int64', shape });

function encoderForm(config: TransformerConfig, batch: number, length: number): Form {
  // BERT's tokenizers tell the types of tokens; those of models with one type tell none.
  const typed = 'types' in config && (config.types as number) > 1;
  return {
    pipeline: pipelineOf(config),
    output: isHeadless(config.head) ? 'last_hidden_state' : 'logits',
    sizes: { [BATCH]: batch, [LENGTH]: length },
    axes: { [BATCH]: { input: 'input_ids', axis: 0 }, [LENGTH]: { input: 'input_ids', axis: 1 } },
    feeds: {
      input_ids: int64(batch, length),
      attention_mask: int64(batch, length),
      ...(typed && { token_type_ids: int64(batch, length) }),
    },
    call(p, b) {
      const input = {
        ids: b.input_ids as Tensor,
        mask: tf.cast(b.attention_mask as Tensor, 'float32'),
        ...(b.token_type_ids && { types: b.token_type_ids }),
        dropout: [],
      };
      if (isHeadless(config.head)) {
        const { hiddenStates } = encode(config, p, { ...input, lastTokens: 'all' });
        return { last_hidden_state: hiddenStates.at(-1) as Tensor };
      }
      const lastTokens = readsTexts(config.head) ? 'pooled' : 'all';
      return { logits: forward(config, p, { ...input, lastTokens }).logits };
    },
  };
}

/** Texts of a language model may be filled up at their beginning, so positions are fed and the mask is obeyed. */
function decoderForm(config: TransformerConfig, decoder: Decoder, batch: number, length: number, past: number): Form {
  const writes = config.head === 'language-model';
  const before = writes ? past : 0;
  const total = before + length;
  const shape = [batch, decoder.kvHeads(config), past, decoder.headWidth(config)];
  const layers = Array.from({ length: config.layers }, (_, i) => i);
  const pastFeeds = layers.flatMap((i) =>
    (['key', 'value'] as const).map((kind) => [pastName(i, kind), { dtype: 'float32', shape } as Feed] as const),
  );
  return {
    pipeline: pipelineOf(config),
    output: isHeadless(config.head) ? 'last_hidden_state' : 'logits',
    sizes: { [BATCH]: batch, [LENGTH]: length, ...(writes && { [PAST]: past, [TOTAL]: total }) },
    axes: {
      [BATCH]: { input: 'input_ids', axis: 0 },
      [LENGTH]: { input: 'input_ids', axis: 1 },
      ...(writes && {
        [PAST]: { input: pastName(0, 'key'), axis: 2 },
        [TOTAL]: { input: 'attention_mask', axis: 1 },
      }),
    },
    feeds: {
      input_ids: int64(batch, length),
      attention_mask: int64(batch, total),
      ...(writes && { position_ids: int64(batch, length), ...Object.fromEntries(pastFeeds) }),
    },
    call(p, b) {
      const mask = tf.cast(b.attention_mask as Tensor, 'float32');
      const kept = layers.map((i) => ({
        keys: b[pastName(i, 'key')] as Tensor,
        values: b[pastName(i, 'value')] as Tensor,
      }));
      const present: KeysValues[] = [];
      const positions = (b.position_ids ??
        tf.tile(tf.reshape(tf.range(0, length, 1, 'int32'), [1, length]), [batch, 1])) as Tensor;
      const { x } = decoder.step(config, p, {
        ids: b.input_ids as Tensor,
        lookBack: masked(biasOf(mask, length, before), writes ? kept : [], present),
        position: decoder.placed(config, positions),
      });
      if (isHeadless(config.head)) return { last_hidden_state: x };
      if (readsTexts(config.head)) {
        return { logits: architectureOf(config).classify(config, p, lastOf(mask, x), new Dropout([], 0)) };
      }
      const rows = vocabularyLogits(config, p, tf.reshape(x, [batch * length, config.hidden]));
      return {
        logits: tf.reshape(rows, [batch, length, config.vocabulary]),
        ...Object.fromEntries(
          present.flatMap(({ keys, values }, i) => [
            [`present.${i}.key`, keys],
            [`present.${i}.value`, values],
          ]),
        ),
      };
    },
  };
}

const pastName = (layer: number, kind: 'key' | 'value'): string => `past_key_values.${layer}.${kind}`;

/** 0 where a token may look, else −10⁹: [batch, 1, length, before + length]. */
function biasOf(mask: Tensor, length: number, before: number): Tensor {
  const [batch, total] = mask.shape as [number, number];
  const places = tf.reshape(tf.range(0, total), [1, total]);
  const own = tf.reshape(tf.range(before, total), [length, 1]);
  const earlier = tf.cast(tf.lessEqual(places, own), 'float32');
  const seen = tf.mul(tf.reshape(earlier, [1, 1, length, total]), tf.reshape(mask, [batch, 1, 1, total]));
  return tf.mul(tf.sub(seen, 1), MASKED);
}

/**
 * Attention to what is kept and to a text itself.
 * @param present takes each layer's keys and values, of what was kept and of the text
 */
function masked(bias: Tensor, kept: readonly KeysValues[], present: KeysValues[]): LookBack {
  return (q, own, layer) => {
    const past = kept[layer - 1];
    const keys = past ? tf.concat([past.keys, own.keys], 2) : own.keys;
    const values = past ? tf.concat([past.values, own.values], 2) : own.values;
    present.push({ keys, values });
    const [batch, heads, length, width] = q.shape as [number, number, number, number];
    const [, kvHeads, total] = keys.shape as [number, number, number];
    const group = heads / kvHeads;
    const scaled = tf.mul(q, 1 / Math.sqrt(width));
    if (group === 1) {
      const scores = tf.add(tf.matMul(scaled, keys, false, true), bias);
      return tf.matMul(tf.softmax(scores), values);
    }
    // Heads that share keys look at them together.
    const grouped = tf.reshape(scaled, [batch, kvHeads, group, length, width]);
    const shared = (t: Tensor): Tensor => tf.reshape(t, [batch, kvHeads, 1, total, width]);
    const scores = tf.add(
      tf.matMul(grouped, shared(keys), false, true),
      tf.reshape(bias, [batch, 1, 1, length, total]),
    );
    return tf.reshape(tf.matMul(tf.softmax(scores), shared(values)), [batch, heads, length, width]);
  };
}

/** The rows [batch, n] of x [batch, length, n] of each text's last token, wherever its padding is. */
function lastOf(mask: Tensor, x: Tensor): Tensor {
  const [batch, length] = mask.shape as [number, number];
  const next = tf.pad(tf.slice(mask, [0, 1], [batch, length - 1]), [
    [0, 0],
    [0, 1],
  ]);
  const last = tf.relu(tf.sub(mask, next));
  return tf.reshape(tf.matMul(tf.reshape(last, [batch, 1, length]), x), [batch, x.shape[2] as number]);
}
