import {
  createRunner,
  type Outputs,
  RECORDED,
  type Runner,
  type TensorFunction,
  type Tensors,
} from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import { type About, signalOf } from '../data/logits/index-file.js';
import {
  attentionName,
  hiddenName,
  type Signal,
  type TokenSignal,
  type ValueSignal,
  valuesName,
  valuesWidth,
} from '../data/logits/signal.js';
import type { RowParts } from '../data/logits/write-shard.js';
import { encodeRows } from '../data/pair.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { InputArtifact } from '../engine/step.js';
import type { LastTokens, ModelInput, ModelOutput, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { countParameters, loadTransformer, type TransformerModel } from '../models/checkpoint.js';
import { encode, forward } from '../models/forward.js';
import { hasLabels, ofTask } from '../models/heads.js';
import { joinHeads } from '../models/layers.js';
import { bucketLength, padTokens } from '../models/padding.js';
import { valueShape } from '../models/values.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { StepFailure } from '../util/failure.js';
import { Random } from '../util/random.js';
import { checkFinite } from './finite.js';
import { agreement } from './int8-agreement.js';
import { nextTokenTensors, ROUNDED, tokenParts } from './next-token.js';
import type { Outlook, Teacher, Text } from './teacher.js';

/** Texts that are computed at once, at most. */
const BATCH = 32;
/** Numbers of the largest tensor that is computed of them, at most: 256 MB. */
const NUMBERS = 2 ** 26;

/** Texts of one shard, at most. */
const SHARD_ROWS = 8 * BATCH;
/** What a shard's tokens cost, in products with a parameter: half a minute on two cores. */
const SHARD_WORK = 2e12;
const SHARD_TOKENS = [2 ** 11, 2 ** 16] as const;
/** Batches of a shard, at least, where texts are long: of one that is not full the rest is computed in vain. */
const SHARD_BATCHES = 8;

/** What is kept of a language model where a recipe does not say. */
const USUAL = { keep: 'top-k', k: 64, temperature: 1 } as const;

/**
 * A transformer as a teacher.
 * @throws StepFailure if it has not what is asked of it
 */
export async function transformerTeacher(
  { path, digest }: InputArtifact,
  options: CacheLogitsOptions,
  seed: number,
  threads: number,
): Promise<Teacher> {
  const { backend, precision, dtype } = options;
  if (precision === 'int8' && !(backend in RECORDED)) {
    const hint = 'Leave out precision, or run on onnx.';
    throw new StepFailure('precision', `backend "${backend}" computes in float32 only`, hint);
  }
  const model = await loadTransformer(path);
  const tokenizer = await loadTokenizer(path);
  const { config, labels } = model;
  const { type, layers, hidden, heads, maxLength } = config;
  const about: About = {
    teacher: { name: type, revision: digest, layers, hidden, heads },
    labels,
    ...ofTask(config.head),
    tokenizer: tokenizer.hash,
    maxLength,
    hiddenStates: checkedLayers('hidden_states', options.hidden_states, 0, layers),
    attention: checkedLayers('attention', options.attention, 1, layers),
    ...(options.values.length > 0 && { values: valueSignal(options.values, config) }),
    dtype,
    tokens: tokenSignal(options.tokens, config),
    computed: { backend, precision },
  };
  const [least, most] = SHARD_TOKENS;
  const affordable = Math.floor(SHARD_WORK / countParameters(model.parameters));
  const shardTokens = Math.min(most, Math.max(least, affordable));
  const runner = await createRunner(backend, threads);
  const work = new Capture(runner, model, about, seed, shardTokens / SHARD_BATCHES);
  return {
    about,
    shard: { rows: SHARD_ROWS, tokens: shardTokens },
    encode: (rows) => encodeRows(rows, tokenizer, config),
    prepare: (outlook) => work.prepare(outlook),
    say: (texts, said) => work.say(texts, said),
    close: () => runner.release(),
  };
}

function checkedLayers(option: string, layers: readonly number[], first: number, last: number): number[] {
  for (const layer of layers) {
    if (layer < first || layer > last) {
      throw new StepFailure('layers', `${option} names layer ${layer}, but the teacher has layers ${first} to ${last}`);
    }
  }
  return [...layers].sort((a, b) => a - b);
}

const valueSignal = (asked: readonly number[], config: TransformerConfig): ValueSignal => ({
  layers: checkedLayers('values', asked, 1, config.layers),
  ...valueShape(config),
});

/** @throws StepFailure if a teacher that is no language model is asked for next tokens */
function tokenSignal(asked: CacheLogitsOptions['tokens'], config: TransformerConfig): TokenSignal | null {
  const { head, type, vocabulary } = config;
  if (head !== 'language-model' || architectureOf(config).decoder === undefined) {
    if (asked === undefined) return null;
    const is = hasLabels(head) ? 'a classifier' : 'without a head that says what comes next';
    throw new StepFailure(
      'not-used',
      `"tokens" is for language models, and the teacher, a ${type}, is ${is}`,
      'Leave it out.',
    );
  }
  const tokens = asked ?? USUAL;
  switch (tokens.keep) {
    case 'full':
      return { keep: 'full', vocabulary };
    case 'top-k':
      return { keep: 'top-k', vocabulary, k: Math.min(tokens.k, vocabulary), temperature: tokens.temperature };
    case 'sampled':
      return { keep: 'sampled', vocabulary, samples: tokens.samples, temperature: tokens.temperature };
  }
}

/** Asks a transformer, in batches of texts of like length. */
class Capture {
  private readonly signal: Signal;
  private readonly fn: TensorFunction;

  constructor(
    private readonly runner: Runner,
    private readonly model: TransformerModel,
    about: About,
    private readonly seed: number,
    /** Tokens of a batch, at most. */
    private readonly batchTokens: number,
  ) {
    this.signal = signalOf(about);
    this.fn = signalFunction(model.config, this.signal, about.computed?.precision === 'int8');
  }

  async prepare({ tokens, sample }: Outlook): Promise<string | undefined> {
    const { config, parameters } = this.model;
    const paddedTo = (length: number): number => bucketLength(length, config.maxLength);
    const [least, most] = tokens.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [config.maxLength, 1]);
    const extremes = [...new Set([paddedTo(most as number), paddedTo(least as number)])];
    const empty = (length: number) => padTokens([], this.batchSize(length), length, config.padId, config.pairs && []);
    await this.runner.prepare('forward', this.fn, parameters, extremes.map(empty));
    return this.fn.int8 ? agreement(this.runner, this.model, sample, paddedTo(most as number)) : undefined;
  }

  async say(texts: readonly Text[], said: (texts: number) => Promise<void>): Promise<RowParts[]> {
    const { config, parameters } = this.model;
    const rows: RowParts[] = Array.from(texts, () => ({}));
    const length = (i: number): number => (texts[i] as Text).tokens.length;
    // The longest first: the batch that is not full is then the cheapest.
    const order = texts.map((_, i) => i).sort((a, b) => length(b) - length(a) || a - b);
    for (let start = 0; start < order.length; ) {
      const padded = bucketLength(length(order[start] as number), config.maxLength);
      const size = this.batchSize(padded);
      const chunk = order.slice(start, start + size).map((i) => ({ i, text: texts[i] as Text }));
      start += chunk.length;
      const ids = chunk.map(({ text }) => text.tokens);
      const seconds = config.pairs && chunk.map(({ text }) => text.second);
      const batch = padTokens(ids, size, padded, config.padId, seconds);
      const outputs = await this.runner.forward(this.fn, parameters, batch);
      for (const [place, { i, text }] of chunk.entries()) rows[i] = this.partsOf(outputs, place, padded, text);
      await said(start);
    }
    return rows;
  }

  /** Texts of one length to compute at once. */
  private batchSize(length: number): number {
    const { labels, perToken, hidden, heads, hiddenStates, attention, values, tokens } = this.signal;
    const states = hiddenStates.length * hidden + (values ? values.layers.length * valuesWidth(values) : 0);
    const scores = attention.length * heads * length * length;
    const logits = labels * (perToken ? length : 1);
    const most = Math.max(logits + states * length + scores, tokens ? length * tokens.vocabulary : 0);
    return Math.max(1, Math.min(BATCH, Math.floor(NUMBERS / most), Math.floor(this.batchTokens / length)));
  }

  /** One text's signal without its padding. */
  private partsOf(outputs: Outputs, place: number, length: number, { id, tokens: ids }: Text): RowParts {
    const { labels, perToken, hidden, heads, hiddenStates, attention, values, dtype, tokens } = this.signal;
    const n = ids.length;
    const parts: Record<string, RowParts[string]> = {};
    const output = (name: string): Float32Array | Uint16Array => outputs[name] as Float32Array | Uint16Array;
    const keep = (name: string, numbers: Float32Array | Uint16Array): void => {
      checkFinite(name, id, numbers);
      parts[name] = numbers;
    };
    if (labels > 0) {
      const from = place * (perToken ? length : 1) * labels;
      keep('logits', output('logits').slice(from, from + (perToken ? n : 1) * labels));
    }
    const keepTokens = (name: string, width: number): void => {
      const from = place * length * width;
      keep(name, output(name).slice(from, from + n * width));
    };
    for (const layer of hiddenStates) keepTokens(hiddenName(layer), hidden);
    for (const layer of values?.layers ?? []) keepTokens(valuesName(layer), valuesWidth(values as ValueSignal));
    for (const layer of attention) {
      // Padded [heads, length, length] into [heads, n, n]: one line of scores at a time.
      const all = output(attentionName(layer));
      const own = all.slice(0, heads * n * n);
      for (let line = 0; line < heads * n; line++) {
        const from = ((place * heads + Math.floor(line / n)) * length + (line % n)) * length;
        own.set(all.subarray(from, from + n), line * n);
      }
      keep(attentionName(layer), own);
    }
    if (tokens === null) return parts;
    const random = new Random(this.seed, `next tokens of ${id}`);
    const next = tokenParts(tokens, dtype, outputs, place * length, n, random);
    checkFinite('next tokens', id, next.covered as Float32Array);
    if (tokens.keep === 'full') checkFinite('next tokens', id, next['full.logits'] as Float32Array | Uint16Array);
    return { ...parts, ...next };
  }
}

/** The teacher's forward pass, giving what is kept, in the type in which it is. */
function signalFunction(config: TransformerConfig, signal: Signal, int8: boolean): TensorFunction {
  const { hiddenStates, attention, tokens, dtype } = signal;
  const values = signal.values?.layers ?? [];
  const names = [
    ...(hasLabels(config.head) ? ['logits'] : []),
    ...hiddenStates.map(hiddenName),
    ...attention.map(attentionName),
    ...values.map(valuesName),
    ...outputsOf(tokens),
  ];
  return {
    key: `signal ${int8} ${JSON.stringify(signal)}`,
    int8,
    half: dtype === 'float16' ? names : [],
    call: (p, b) => {
      const all = hiddenStates.includes(config.layers) || tokens !== null || signal.perToken;
      const input = readingOf(b, all ? 'all' : 'pooled');
      const answers = hasLabels(config.head) || tokens !== null;
      const out = answers ? forward(config, p, input) : encode(config, p, input);
      return {
        ...(hasLabels(config.head) && { logits: (out as ModelOutput).logits }),
        ...Object.fromEntries(hiddenStates.map((l) => [hiddenName(l), out.hiddenStates[l] as Tensor])),
        ...Object.fromEntries(attention.map((l) => [attentionName(l), out.attentionScores[l - 1]?.() as Tensor])),
        ...Object.fromEntries(values.map((l) => [valuesName(l), joinHeads(out.values[l - 1] as Tensor)])),
        ...(tokens && nextTokenTensors(flatLogits(out as ModelOutput), tokens)),
      } as Tensors;
    },
  };
}

const readingOf = (batch: Tensors, lastTokens: LastTokens): ModelInput => ({
  ids: batch.ids as Tensor,
  mask: batch.mask as Tensor,
  types: batch.types,
  dropout: [],
  lastTokens,
});

/** [batch, length, vocabulary] → [batch · length, vocabulary] */
const flatLogits = ({ logits }: ModelOutput): Tensor => tf.reshape(logits, [-1, logits.shape.at(-1) as number]);

/** Which of the outputs of `nextTokenTensors` are kept in the cache's type. */
const outputsOf = (tokens: TokenSignal | null): readonly string[] => {
  if (tokens === null || tokens.keep === 'sampled') return [];
  const own = tokens.keep === 'full' ? 'full.' : 'topk.';
  const plain = tokens.keep === 'full' || tokens.temperature === 1;
  return ROUNDED.filter((name) => name.startsWith(own) && !(plain && name.endsWith('_at_1')));
};
