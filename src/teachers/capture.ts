import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { copyFile, link, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRunner, RECORDED, type Runner, type TensorFunction, type Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { type Row, readDataset } from '../data/dataset.js';
import { type LogitsIndex, type LogitsRow, tokensHash } from '../data/logits.js';
import { type EncodedBatch, loadTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import type { ModelInput, TransformerConfig } from '../models/architecture.js';
import { bucketOf, chooseBuckets } from '../models/buckets.js';
import { loadTransformer, type TransformerModel } from '../models/checkpoint.js';
import { encode, forward } from '../models/forward.js';
import { padTokens } from '../models/padding.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { argmaxRows } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';

const BATCH = 32;
/** Texts of one shard: what a kill can cost, and what one checkpoint writes. */
const SHARD = 8 * BATCH;

/** Lengths that texts are padded to: each is compiled once. */
const BUCKETS = 6;

const shardFile = (shard: number): string => `shard-${String(shard).padStart(5, '0')}.bin`;
const SHARD_ROWS = 'rows.jsonl';
const BIN = 'shard.bin';

type Precision = CacheLogitsOptions['precision'];

/** What is kept of the teacher, and how many numbers that is. */
interface Kept {
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
}

/** The `cache-logits` step: shard by shard, each a checkpoint, so that a killed run goes on at its last shard. */
export async function run(ctx: StepContext<CacheLogitsOptions>): Promise<void> {
  const folder = ctx.input('teacher').path;
  const model = await loadTransformer(folder);
  const tokenizer = await loadTokenizer(folder);
  const { rows } = await readDataset(ctx.input('data').path);
  const tokens = await tokenizer.encode(
    rows.map((r) => r.text),
    model.config.maxLength,
  );
  const kept = checkedLayers(ctx.options, model.config);
  checkSize(ctx.options.max_bytes, model, kept, tokens, rows.length);

  const shards = Math.ceil(rows.length / SHARD);
  const runner = await createRunner(ctx.options.backend, ctx.threads);
  const { backend, precision } = ctx.options;
  const parts: string[] = [];
  const lengths = rows.map((_, i) => tokens.length(i));
  const buckets = chooseBuckets(lengths, model.config.maxLength, BUCKETS);
  try {
    if (precision === 'int8') {
      if (!(backend in RECORDED)) {
        const hint = 'Leave out precision, or run on onnx.';
        throw new StepFailure('precision', `backend "${backend}" computes in float32 only`, hint);
      }
      const sample = Array.from({ length: Math.min(BATCH, rows.length) }, (_, i) => tokens.ids(i));
      ctx.log('info', await agreement(runner, model, sample, buckets.at(-1) as number));
    }
    for (let shard = 0; shard < shards; shard++) {
      const name = `shard-${shard}`;
      if ((await ctx.checkpoint.load(name)) === undefined) {
        const first = shard * SHARD;
        const last = Math.min(rows.length, first + SHARD);
        await ctx.checkpoint.save(name, (to) =>
          captureShard(to, shard, rows.slice(first, last), first, {
            runner,
            model,
            tokens,
            kept,
            precision,
            buckets,
          }),
        );
      }
      parts.push((await ctx.checkpoint.load(name)) as string);
      await ctx.progress({ done: Math.min(rows.length, (shard + 1) * SHARD), total: rows.length, unit: 'texts' });
      ctx.signal.throwIfAborted();
    }
  } finally {
    await runner.release();
  }

  const output = await ctx.output('logits');
  let lines = '';
  for (const [shard, part] of parts.entries()) {
    await share(join(part, BIN), join(output, shardFile(shard)));
    lines += await readFile(join(part, SHARD_ROWS), 'utf8');
  }
  const { layers, hidden, heads } = model.config;
  const index: LogitsIndex = {
    teacher: { layers, hidden, heads },
    labels: model.labels,
    tokenizer: tokenizer.hash,
    maxLength: model.config.maxLength,
    ...kept,
    shards: parts.map((_, shard) => shardFile(shard)),
    rows: rows.length,
  };
  await writeFile(join(output, 'rows.jsonl'), lines);
  await writeFile(join(output, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
}

/** Artifacts are read-only, so one file can be part of two; a copy only where the file system has no links. */
async function share(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

function checkedLayers(options: CacheLogitsOptions, config: TransformerConfig): Kept {
  const check = (option: string, layers: readonly number[], first: number): number[] => {
    for (const layer of layers) {
      if (layer < first || layer > config.layers) {
        throw new StepFailure(
          'layers',
          `${option} names layer ${layer}, but the teacher has layers ${first} to ${config.layers}`,
        );
      }
    }
    return [...layers].sort((a, b) => a - b);
  };
  return {
    hiddenStates: check('hidden_states', options.hidden_states, 0),
    attention: check('attention', options.attention, 1),
  };
}

/** float16 numbers that one text of n tokens takes. */
function numbersOf(n: number, { config, labels }: TransformerModel, kept: Kept): number {
  const states = kept.hiddenStates.length * n * config.hidden;
  return labels.length + states + kept.attention.length * config.heads * n * n;
}

function checkSize(limit: number, model: TransformerModel, kept: Kept, tokens: EncodedBatch, rows: number): void {
  let bytes = 0;
  for (let i = 0; i < rows; i++) bytes += 2 * numbersOf(tokens.length(i), model, kept);
  if (bytes > limit) {
    const gigabytes = (n: number): string => (n / 1e9).toFixed(2);
    throw new StepFailure(
      'too-large',
      `the cache of ${rows} texts would take ${gigabytes(bytes)} GB, more than max_bytes allows (${gigabytes(limit)} GB)`,
      'Keep fewer layers (attention costs most: heads · tokens² a layer), shorten max_length, or raise max_bytes.',
    );
  }
}

interface Capture {
  readonly runner: Runner;
  readonly model: TransformerModel;
  readonly tokens: EncodedBatch;
  readonly kept: Kept;
  readonly precision: Precision;
  readonly buckets: readonly number[];
}

/** Runs the teacher over some rows and writes their signals in the rows' order. */
async function captureShard(
  folder: string,
  shard: number,
  rows: readonly Row[],
  first: number,
  capture: Capture,
): Promise<void> {
  const { model, tokens, kept } = capture;
  const signals: Buffer[] = rows.map(() => Buffer.alloc(0));
  const order = rows.map((_, i) => i).sort((a, b) => tokens.length(first + a) - tokens.length(first + b) || a - b);
  for (let start = 0; start < order.length; start += BATCH) {
    const chunk = order.slice(start, start + BATCH);
    const ids = chunk.map((i) => tokens.ids(first + i));
    const length = bucketOf(capture.buckets, Math.max(...ids.map((t) => t.length)));
    const outputs = await capture.runner.forward(
      signalFunction(model.config, kept, capture.precision),
      model.parameters,
      padTokens(ids, BATCH, length, model.config.padId),
    );
    chunk.forEach((i, row) => {
      const n = (ids[row] as Int32Array).length;
      signals[i] = pack(outputs as Record<string, Uint16Array>, row, n, length, model, kept);
    });
  }

  const bin = createWriteStream(join(folder, BIN));
  let lines = '';
  let offset = 0;
  for (const [i, { id }] of rows.entries()) {
    const ids = tokens.ids(first + i);
    const line: LogitsRow = { id, tokens: ids.length, hash: tokensHash(ids), shard, offset };
    lines += `${JSON.stringify(line)}\n`;
    offset += (signals[i] as Buffer).length;
    if (!bin.write(signals[i])) await once(bin, 'drain');
  }
  bin.end();
  await once(bin, 'close');
  await writeFile(join(folder, SHARD_ROWS), lines);
}

/** How far a teacher's answers of 8-bit integers are from those of float32, on some texts. */
async function agreement(
  runner: Runner,
  { config, parameters, labels }: TransformerModel,
  texts: readonly Int32Array[],
  length: number,
): Promise<string> {
  const kept: Kept = { hiddenStates: [config.layers], attention: [] };
  const batch = padTokens(texts, texts.length, length, config.padId);
  const [exact, rounded] = (await Promise.all(
    (['float32', 'int8'] as const).map((precision) =>
      runner.forward(
        { ...signalFunction(config, kept, precision), key: `agreement ${precision}`, half: [] },
        parameters,
        batch,
      ),
    ),
  )) as [Record<string, Float32Array>, Record<string, Float32Array>];
  const state = `hidden.${config.layers}`;
  const [a, b] = [exact[state] as Float32Array, rounded[state] as Float32Array];
  const width = config.hidden;
  let [sum, size, count] = [0, 0, 0];
  texts.forEach((text, row) => {
    for (let i = row * length * width; i < (row * length + text.length) * width; i++) {
      sum += Math.abs((a[i] as number) - (b[i] as number));
      size += Math.abs(a[i] as number);
      count++;
    }
  });
  const states = `hidden states differ by ${(sum / count).toFixed(4)} on average (their size is ${(size / count).toFixed(3)})`;
  if (labels.length === 0) return `int8 against float32 on ${texts.length} texts: ${states}`;
  const answers = [exact, rounded].map((found) => argmaxRows(found.logits as Float32Array, labels.length));
  const same = texts.filter((_, row) => answers[0]?.[row] === answers[1]?.[row]).length;
  return `int8 against float32 on ${texts.length} texts: ${same} with the same label, ${states}`;
}

/** The teacher's forward pass, giving what is kept as float16. */
function signalFunction(config: TransformerConfig, kept: Kept, precision: Precision): TensorFunction {
  const hidden = (layer: number): string => `hidden.${layer}`;
  const attention = (layer: number): string => `attention.${layer}`;
  return {
    key: `signal ${precision} ${JSON.stringify(kept)}`,
    int8: precision === 'int8',
    half: [
      ...(config.head === 'classifier' ? ['logits'] : []),
      ...kept.hiddenStates.map(hidden),
      ...kept.attention.map(attention),
    ],
    call: (p, b) => {
      const lastTokens = kept.hiddenStates.includes(config.layers) ? 'all' : 'pooled';
      const input: ModelInput = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens };
      const classifies = config.head === 'classifier';
      const out = classifies ? forward(config, p, input) : encode(config, p, input);
      const logits: Tensors = 'logits' in out ? { logits: out.logits as Tensor } : {};
      return {
        ...logits,
        ...Object.fromEntries(kept.hiddenStates.map((l) => [hidden(l), out.hiddenStates[l] as Tensor])),
        ...Object.fromEntries(kept.attention.map((l) => [attention(l), out.attentionScores[l - 1]?.() as Tensor])),
      };
    },
  };
}

/** One text's signal without its padding, in the order that `data/logits.ts` describes. */
function pack(
  outputs: Readonly<Record<string, Uint16Array>>,
  row: number,
  n: number,
  length: number,
  model: TransformerModel,
  kept: Kept,
): Buffer {
  const { hidden, heads } = model.config;
  const labels = model.labels.length;
  const packed = new Uint16Array(numbersOf(n, model, kept));
  let at = 0;
  const take = (name: string, start: number, count: number): void => {
    packed.set((outputs[name] as Uint16Array).subarray(start, start + count), at);
    at += count;
  };
  if (labels > 0) take('logits', row * labels, labels);
  for (const layer of kept.hiddenStates) take(`hidden.${layer}`, row * length * hidden, n * hidden);
  for (const layer of kept.attention) {
    for (let line = 0; line < heads * n; line++) {
      const head = Math.floor(line / n);
      take(`attention.${layer}`, ((row * heads + head) * length + (line % n)) * length, n);
    }
  }
  return Buffer.from(packed.buffer);
}
