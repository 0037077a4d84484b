import { readFileSync } from 'node:fs';
import { createRunner } from '../../dist/backend/runner.js';
import { tf } from '../../dist/backend/tf.js';
import { architectureOf } from '../../dist/models/architectures.js';
import { dropoutSites, forward } from '../../dist/models/forward.js';
import { Generator, greedy } from '../../dist/models/generate.js';
import { initialize } from '../../dist/models/initialize.js';
import { zeroed } from '../../dist/models/layers.js';
import { batchRows, bucketLengths, padTokens } from '../../dist/models/padding.js';
import { extremeBatches, planEpoch } from '../../dist/train/batches.js';
import { DropoutMasks } from '../../dist/train/dropout.js';
import { teacherFeeds } from '../../dist/train/examples.js';
import { dropoutFeeds } from '../../dist/train/feeds.js';
import { Optimizer } from '../../dist/train/optimizer.js';
import { adamw } from '../../dist/train/optimizers/adamw.js';
import { float16Bits } from '../../dist/util/float16.js';
import { streamKey } from '../../dist/util/random.js';
import { fixture } from '../fixture.js';

const TEACHER = teacherFeeds(0);

/** Our half of the comparison: each role gives a function that does one measured thing. */

const SEED = 1;

/** One training step with its dropout masks; `agree` has none, so that two programs can be compared. */
export async function training(c, threads) {
  const runner = await createRunner('onnx', threads);
  const { stage, optimizer, batch, rate } = fixture(c);
  const { ids } = batch;
  const masks = new DropoutMasks();
  const key = streamKey(SEED, 'dropout');
  let update = 0;
  return async () => {
    const start = performance.now();
    const dropout = dropoutFeeds(masks.fill(stage.dropout(...ids.shape), key, update++));
    const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, { ...batch, ...dropout });
    optimizer.add(gradients);
    const norm = optimizer.apply(rate);
    return { ms: performance.now() - start, loss: values.loss[0], norm };
  };
}

export async function agree(c, threads) {
  const plain = { ...c, config: { ...c.config, dropout: 0 } };
  const runner = await createRunner('onnx', threads);
  const { stage, optimizer, batch } = fixture(plain);
  return async () => {
    const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, batch);
    optimizer.add(gradients);
    return { loss: values.loss[0], norm: optimizer.apply(0) };
  };
}

/** One epoch over rows of real lengths. */
export async function epoch(c, threads) {
  const runner = await createRunner('onnx', threads);
  const { stage, optimizer, rate } = fixture(c);
  const { lengths, ids, labels, logits } = JSON.parse(readFileSync(c.rows, 'utf8'));
  const starts = [0];
  for (const n of lengths) starts.push(starts.at(-1) + n);
  const text = (row) => Int32Array.from(ids.slice(starts[row], starts[row + 1]));
  const buckets = bucketLengths(128);
  const masks = new DropoutMasks();
  const key = streamKey(SEED, 'dropout');
  let update = 0;
  let number = 0;
  const two = (from, rows, size) => {
    const data = new Float32Array(2 * size);
    rows.forEach((row, i) => {
      data.set(from.slice(2 * row, 2 * row + 2), 2 * i);
    });
    return data;
  };
  const feedsOf = (rows, length, size) => {
    const feeds = {
      ...padTokens(rows.map(text), size, length, 0),
      rows: { dtype: 'float32', shape: [size], data: new Float32Array(size).fill(1, 0, rows.length) },
      labels: { dtype: 'float32', shape: [size, 2], data: two(labels, rows, size) },
      [TEACHER.logits]: { dtype: 'float16', shape: [size, 2], data: float16Bits(two(logits, rows, size)) },
    };
    for (const layer of stage.wanted[0].hiddenStates) {
      const shape = [size, length, c.fit.teacherHidden];
      const data = new Uint16Array(shape.reduce((a, b) => a * b)).map((_, i) => 0x3000 + (i % 0x0c00));
      feeds[TEACHER.hidden(layer)] = { dtype: 'float16', shape, data };
    }
    return feeds;
  };
  const withDropout = (feeds) => {
    return {
      ...feeds,
      ...dropoutFeeds(masks.fill(stage.dropout(...feeds.ids.shape), key, update++)),
      ...stage.numbers(0),
    };
  };
  const extremes = extremeBatches(lengths, c.batch, buckets).map(({ row, length, size }) =>
    withDropout(feedsOf([row], length, size)),
  );
  await runner.prepare('gradients', stage.fn, optimizer.parameters, extremes);
  return async () => {
    // What the cache gives is made before the clock starts, as on the other side.
    const batches = planEpoch(lengths, c.batch, buckets, SEED, String(number++)).map(({ rows, length }) =>
      feedsOf(rows, length, batchRows(rows.length, c.batch)),
    );
    const start = performance.now();
    let tokens = 0;
    for (const feeds of batches) {
      const { gradients } = await runner.gradients(stage.fn, optimizer.parameters, withDropout(feeds));
      optimizer.add(gradients);
      optimizer.apply(rate);
      tokens += feeds.ids.data.length;
    }
    return { ms: performance.now() - start, tokens };
  };
}

/** A teacher's pass over a batch, with all hidden states and attention scores, in float16 as the cache keeps them. */
export async function teacher(c, threads) {
  const runner = await createRunner('onnx', threads);
  const parameters = initialize(architectureOf(c.config).parameters(c.config), SEED);
  const ids = Int32Array.from(c.ids);
  const texts = Array.from({ length: 32 }, (_, i) => ids.subarray(64 * i, 64 * (i + 1)));
  const batch = padTokens(texts, 32, 64, 0);
  const names = (kind, count) => Array.from({ length: count }, (_, i) => `${kind}.${i}`);
  const fn = {
    key: 'signal',
    half: ['logits', ...names('hidden', c.config.layers + 1), ...names('attention', c.config.layers)],
    call: (p, b) => {
      const out = forward(c.config, p, { ids: b.ids, mask: b.mask, dropout: [], lastTokens: 'all' });
      return {
        logits: out.logits,
        ...Object.fromEntries(out.hiddenStates.map((t, i) => [`hidden.${i}`, t])),
        ...Object.fromEntries(out.attentionScores.map((scores, i) => [`attention.${i}`, scores()])),
      };
    },
  };
  return async () => {
    const start = performance.now();
    await runner.forward(fn, parameters, batch);
    return { ms: performance.now() - start };
  };
}

/** A language model's training step: the next token's cross-entropy. */
export async function gpt2(c, threads, dropping = true) {
  const runner = await createRunner('onnx', threads);
  const config = dropping ? c.config : { ...c.config, dropout: 0 };
  const specs = architectureOf(config).parameters(config);
  const optimizer = new Optimizer(initialize(specs, SEED), specs, adamw(c.weightDecay), c.clipNorm);
  const ids = Int32Array.from(c.ids);
  const [rows, length] = [16, ids.length / 16];
  const texts = Array.from({ length: rows }, (_, i) => ids.subarray(length * i, length * (i + 1)));
  const batch = padTokens(texts, rows, length, 0);
  const sites = dropoutSites(config, rows, length, 'all').map((shape) => ({ shape, zeroed: zeroed(config.dropout) }));
  const masks = new DropoutMasks();
  const key = streamKey(SEED, 'dropout');
  const fn = {
    key: `gpt2 ${dropping}`,
    call: (p, b) => {
      const dropout = sites.map((_, i) => b[`dropout.${i}`]);
      const { logits } = forward(config, p, { ids: b.ids, mask: b.mask, dropout, lastTokens: 'all' });
      const next = tf.oneHot(tf.reshape(tf.slice(b.ids, [0, 1], [rows, length - 1]), [-1]), config.vocabulary);
      const said = tf.reshape(tf.slice(logits, [0, 0, 0], [rows, length - 1, -1]), [-1, config.vocabulary]);
      return { loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(said), next), -1))) };
    },
  };
  let update = 0;
  return async () => {
    const start = performance.now();
    const dropout = dropoutFeeds(masks.fill(sites, key, update++));
    const { values, gradients } = await runner.gradients(fn, optimizer.parameters, { ...batch, ...dropout });
    optimizer.add(gradients);
    const norm = optimizer.apply(dropping ? c.rate : 0);
    return { ms: performance.now() - start, loss: values.loss[0], norm };
  };
}

export const gpt2Agree = (c, threads) => gpt2(c, threads, false);

/** Tokens made one by one. */
export async function generate(c, threads) {
  const runner = await createRunner('onnx', threads);
  const parameters = initialize(architectureOf(c.config).parameters(c.config), SEED);
  const generator = new Generator(c.config, parameters, runner);
  return async () => {
    const start = performance.now();
    const tokens = [];
    for await (const token of generator.generate(Int32Array.from(c.prompt), c.newTokens, greedy)) tokens.push(token);
    return { ms: performance.now() - start, tokens };
  };
}

/** Resident memory in the course of many small steps. */
export async function steady(c, threads) {
  const step = await training(c, threads);
  const mib = () => process.memoryUsage.rss() / 2 ** 20;
  return async () => {
    const seen = [];
    for (let i = 1; i <= 2000; i++) {
      await step();
      if (i === 200 || i === 1100 || i === 2000) seen.push({ step: i, mib: mib() });
    }
    return seen;
  };
}
