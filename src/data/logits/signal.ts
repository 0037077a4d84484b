import { createHash } from 'node:crypto';
import { ELEMENT_BYTES, type ElementType } from '../../util/safetensors.js';
import { bytesOfHigh, highBits } from './token-ids.js';

/** How a language model's next tokens are kept. `temperature` divided its logits when they were. */
export type TokenSignal =
  /** All logits: of any temperature. */
  | { readonly keep: 'full'; readonly vocabulary: number }
  /** The k most likely tokens, and how likely all others are together. */
  | { readonly keep: 'top-k'; readonly vocabulary: number; readonly k: number; readonly temperature: number }
  /** Tokens drawn from the distribution (RS-KD, Anshumann et al. 2025, arXiv:2503.16870). */
  | { readonly keep: 'sampled'; readonly vocabulary: number; readonly samples: number; readonly temperature: number };

/** What is kept of the values of attention. */
export interface ValueSignal {
  /** Teacher layers (1 = first), ascending. */
  readonly layers: readonly number[];
  /** Of each layer, and numbers of one head's value of a token. */
  readonly heads: number;
  readonly width: number;
}

/** What a cache keeps of each text, and so what its shards are made of. */
export interface Signal {
  /** Class logits of a text, or of a token; 0: none are kept. */
  readonly labels: number;
  /** The class logits are of each token, not of the text. */
  readonly perToken?: boolean;
  /** Width of a hidden state, and attention heads; 0 where no layer is kept. */
  readonly hidden: number;
  readonly heads: number;
  /** Teacher layers whose hidden states are kept (0 = embedding output), ascending. */
  readonly hiddenStates: readonly number[];
  /** Teacher layers whose attention scores are kept (1 = first), ascending. */
  readonly attention: readonly number[];
  /** Absent where no values are kept. */
  readonly values?: ValueSignal | undefined;
  /** Numbers of the vector of each text of a pair. Absent where none are kept. */
  readonly vectors?: number | undefined;
  readonly dtype: 'float16' | 'float32';
  /** The teacher reads tokens: each row has their number and their hash. */
  readonly aligned: boolean;
  readonly tokens: TokenSignal | null;
}

/** One tensor of a shard: what it has for each row, one row after the other. */
export interface Section {
  readonly name: string;
  readonly dtype: ElementType;
  /**
   * Of what it has numbers: a row, a token of it, a pair of tokens, a token that was drawn for one of its tokens, or a
   * byte of the upper bits of those.
   */
  readonly per: 'row' | 'token' | 'pair' | 'draw' | 'draw-byte';
  /** Numbers for each. */
  readonly width: number;
  /** 2: [count, width]; 1: [count · width]. */
  readonly rank: 1 | 2;
}

export const hiddenName = (layer: number): string => `hidden.${layer}`;
export const attentionName = (layer: number): string => `attention.${layer}`;
export const valuesName = (layer: number): string => `values.${layer}`;

/** Numbers of a token's values, all heads side by side. */
export const valuesWidth = ({ heads, width }: Pick<ValueSignal, 'heads' | 'width'>): number => heads * width;

/** The tensors of a shard. */
export function sectionsOf(signal: Signal): readonly Section[] {
  const float = signal.dtype === 'float16' ? 'F16' : 'F32';
  return [
    { name: 'id', dtype: 'U8', per: 'row', width: 8, rank: 2 },
    ...(signal.aligned ? ALIGNMENT : []),
    ...(signal.labels > 0
      ? [
          {
            name: 'logits',
            dtype: float,
            per: signal.perToken ? 'token' : 'row',
            width: signal.labels,
            rank: 2,
          } as const,
        ]
      : []),
    ...(signal.vectors
      ? [{ name: 'vectors', dtype: float, per: 'row', width: 2 * signal.vectors, rank: 2 } as const]
      : []),
    ...signal.hiddenStates.map(
      (layer) => ({ name: hiddenName(layer), dtype: float, per: 'token', width: signal.hidden, rank: 2 }) as const,
    ),
    ...signal.attention.map(
      (layer) => ({ name: attentionName(layer), dtype: float, per: 'pair', width: signal.heads, rank: 1 }) as const,
    ),
    ...valueSections(signal.values, float),
    ...(signal.tokens === null ? [] : tokenSections(signal.tokens, float)),
  ];
}

const ALIGNMENT: readonly Section[] = [
  { name: 'hash', dtype: 'U8', per: 'row', width: 8, rank: 2 },
  { name: 'tokens', dtype: 'I32', per: 'row', width: 1, rank: 1 },
];

const valueSections = (values: ValueSignal | undefined, float: 'F16' | 'F32'): Section[] =>
  values?.layers.map((layer) => ({
    name: valuesName(layer),
    dtype: float,
    per: 'token',
    width: valuesWidth(values),
    rank: 2,
  })) ?? [];

function tokenSections(tokens: TokenSignal, float: 'F16' | 'F32'): Section[] {
  const covered: Section = { name: 'covered', dtype: 'F32', per: 'row', width: 1, rank: 1 };
  const bits = highBits(tokens.vocabulary);
  switch (tokens.keep) {
    case 'full':
      return [covered, { name: 'full.logits', dtype: float, per: 'token', width: tokens.vocabulary, rank: 2 }];
    case 'top-k': {
      const { k, temperature } = tokens;
      const high = bytesOfHigh(k, bits);
      return [
        covered,
        { name: 'topk.low', dtype: 'U16', per: 'token', width: k, rank: 2 },
        ...(high > 0 ? [{ name: 'topk.high', dtype: 'U8', per: 'token', width: high, rank: 2 } as const] : []),
        { name: 'topk.logprobs', dtype: float, per: 'token', width: k, rank: 2 },
        { name: 'topk.tail', dtype: float, per: 'token', width: 1, rank: 1 },
        ...(temperature === 1
          ? []
          : ([
              { name: 'topk.shift', dtype: 'F32', per: 'token', width: 1, rank: 1 },
              { name: 'topk.tail_at_1', dtype: float, per: 'token', width: 1, rank: 1 },
            ] as const)),
      ];
    }
    case 'sampled':
      return [
        covered,
        { name: 'sampled.draws', dtype: 'I32', per: 'row', width: 1, rank: 1 },
        { name: 'sampled.unique', dtype: 'U8', per: 'token', width: 1, rank: 1 },
        { name: 'sampled.low', dtype: 'U16', per: 'draw', width: 1, rank: 1 },
        ...(bits > 0 ? [{ name: 'sampled.high', dtype: 'U8', per: 'draw-byte', width: 1, rank: 1 } as const] : []),
        { name: 'sampled.counts', dtype: 'U8', per: 'draw', width: 1, rank: 1 },
        ...(tokens.temperature === 1
          ? []
          : [{ name: 'sampled.log_ratio', dtype: float, per: 'draw', width: 1, rank: 1 } as const]),
      ];
  }
}

/**
 * How many of each kind a row has.
 * @param draws different tokens that were drawn for all of its tokens together
 */
export function countsOf(signal: Signal, tokens: number, draws: number): Readonly<Record<Section['per'], number>> {
  const bits = signal.tokens === null ? 0 : highBits(signal.tokens.vocabulary);
  return { row: 1, token: tokens, pair: tokens * tokens, draw: draws, 'draw-byte': bytesOfHigh(draws, bits) };
}

/** Bytes that one text takes in a shard; where tokens are drawn, at most. */
export function rowBytes(signal: Signal, tokens: number): number {
  const sampled = signal.tokens?.keep === 'sampled' ? signal.tokens : undefined;
  const most = sampled ? tokens * Math.min(sampled.samples, sampled.vocabulary) : 0;
  const counts = countsOf(signal, tokens, most);
  return sectionsOf(signal).reduce((sum, { dtype, per, width }) => sum + ELEMENT_BYTES[dtype] * width * counts[per], 0);
}

/** A row's line in `rows.jsonl`, at most. */
const LINE = 128;
/** `index.json` and what little else there is once. */
const INDEX = 16_384;

/**
 * Bytes that a cache takes, everything in it, a few per cent too many rather than one too few.
 * @param tokens of each text; of a teacher that reads no tokens, zeros
 */
export function cacheBytes(signal: Signal, tokens: Iterable<number>): number {
  let bytes = INDEX;
  for (const n of tokens) {
    const row = rowBytes(signal, n);
    // A shard's header, shared by 256 rows, 2048 tokens or 256 MB.
    bytes += row + LINE + 16 + n + row / 2 ** 16;
  }
  return Math.ceil(bytes);
}

/** First 16 hex digits of the SHA-256 of token ids (int32, little-endian). */
export function tokensHash(ids: Int32Array): string {
  const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
