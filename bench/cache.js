import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRunner } from '../dist/backend/runner.js';
import { rowId } from '../dist/data/dataset.js';
import { shardName, writeIndex } from '../dist/data/logits/index-file.js';
import { highBits, splitIds } from '../dist/data/logits/token-ids.js';
import { writeShard } from '../dist/data/logits/write-shard.js';
import { LogitsCache, tokensHash } from '../dist/data/logits.js';
import { nextTokenTensors, tokenParts } from '../dist/teachers/next-token.js';
import { Random } from '../dist/util/random.js';
import { median, number } from './numbers.js';

/**
 * `npm run build && node bench/cache.js [folder]`: how fast the logits cache writes and reads beside the disk itself, how
 * many bytes a token takes, and where the k most likely tokens are best selected. Takes a minute or two.
 */

const ROUNDS = 7;
/** A shard each, in which a round's files are. */
const SHARDS = 8;
const TOP_K = { keep: 'top-k', vocabulary: 128_256, k: 64, temperature: 1 };
const MB = 1e6;

const about = (changes) => ({
  teacher: { name: 'bench', revision: '0', layers: 4, hidden: 312, heads: 12 },
  labels: [],
  tokenizer: '0'.repeat(64),
  maxLength: 512,
  hiddenStates: [],
  attention: [],
  dtype: 'float16',
  tokens: null,
  computed: null,
  ...changes,
});

/** Texts of random signal. What a teacher gave is made before the clock starts; packing it is part of writing. */
const CASES = [
  {
    name: 'top-k, 64 of 128,256',
    about: about({ tokens: TOP_K }),
    rows: 256,
    tokens: 256,
    given(n) {
      const ids = Int32Array.from({ length: 64 * n }, () => random.below(TOP_K.vocabulary));
      return { ids, logprobs: bits(64 * n), tail: bits(n) };
    },
    pack: ({ ids, logprobs, tail }) => {
      const { low, high } = splitIds(ids, TOP_K.k, highBits(TOP_K.vocabulary));
      const covered = Float32Array.of(0.95);
      return { 'topk.low': low, 'topk.high': high, 'topk.logprobs': logprobs, 'topk.tail': tail, covered };
    },
    read: (cache, id, ids) => cache.nextTokens(id, ids, 1),
  },
  {
    name: 'hidden states, 3 layers × 312, and attention, 2 layers × 12 heads',
    about: about({ labels: ['a', 'b'], hiddenStates: [0, 2, 4], attention: [2, 4] }),
    rows: 64,
    tokens: 64,
    given: (n) => ({
      logits: bits(2),
      ...Object.fromEntries([0, 2, 4].map((layer) => [`hidden.${layer}`, bits(312 * n)])),
      ...Object.fromEntries([2, 4].map((layer) => [`attention.${layer}`, bits(12 * n * n)])),
    }),
    pack: (given) => given,
    read: (cache, id, ids) => cache.read(id, ids, { logits: true, hiddenStates: [0, 2, 4], attention: [2, 4] }),
  },
];

const random = new Random(1, 'bench');
/** float16 bits of numbers. */
const bits = (count) => Uint16Array.from({ length: count }, () => random.below(0x7bff));

async function measure(c, root) {
  const ids = Int32Array.from({ length: c.tokens }, (_, i) => i);
  const texts = Array.from({ length: SHARDS * c.rows }, (_, i) => ({
    id: rowId(`${c.name} ${i}`),
    hash: tokensHash(ids),
  }));
  // A few texts' signal over and over: what they are does not matter to a disk.
  const given = Array.from({ length: 8 }, () => c.given(c.tokens));
  const hex = (text) => Buffer.from(text, 'hex');
  const rows = (shard) =>
    Array.from({ length: c.rows }, (_, row) => {
      const { id, hash } = texts[shard * c.rows + row];
      return { id: hex(id), hash: hex(hash), tokens: Int32Array.of(c.tokens), ...c.pack(given[row % given.length]) };
    });

  const times = { write: [], plainWrite: [], open: [], hash: [], read: [], plainRead: [] };
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const folder = join(root, `cache ${round}`);
    await mkdir(folder);
    const shards = [];
    await timed(times.write, async () => {
      for (let shard = 0; shard < SHARDS; shard++) {
        const file = shardName(shard);
        shards.push({ file, ...(await writeShard(join(folder, file), c.about, rows(shard))) });
        await sync(join(folder, file));
      }
    });
    const lines = texts.map(({ id, hash }, i) => {
      const place = { shard: Math.floor(i / c.rows), row: i % c.rows };
      return { id, hash, tokens: c.tokens, ...place };
    });
    await writeIndex(folder, c.about, lines, shards);
    bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);

    // The disk's own: the same bytes, in blocks of a megabyte.
    const block = Buffer.alloc(1 << 20, 7);
    await timed(times.plainWrite, async () => {
      for (const shard of shards) {
        const file = await open(join(folder, `plain ${shard.file}`), 'w');
        for (let left = shard.bytes; left > 0; left -= block.length) {
          await file.writeFile(block.subarray(0, Math.min(left, block.length)));
        }
        await file.sync();
        await file.close();
      }
    });

    let cache;
    await timed(times.open, async () => {
      cache = await LogitsCache.open(folder);
    });
    const order = new Random(round, 'order').shuffle(texts.map((_, i) => i));
    await timed(times.read, async () => {
      for (const i of order) c.read(cache, texts[i].id, ids);
    });
    cache.close();
    await timed(times.plainRead, async () => {
      for (const { file } of shards) {
        const handle = await open(join(folder, file), 'r');
        while ((await handle.read(block, 0, block.length)).bytesRead > 0);
        await handle.close();
      }
    });
    await rm(folder, { recursive: true });
  }
  const rate = (list) => number(bytes / MB / median(list));
  console.log(
    `\n${c.name}: ${number(bytes / MB)} MB in ${SHARDS} shards, ${SHARDS * c.rows} texts of ${c.tokens} tokens`,
  );
  console.log(
    `  write, packed, hashed and synced   ${rate(times.write)} MB/s; the disk itself ${rate(times.plainWrite)} MB/s`,
  );
  console.log(`  open, every byte checked           ${rate(times.open)} MB/s`);
  console.log(
    `  read, text by text at random       ${rate(times.read)} MB/s; the disk's cache itself, in order ${rate(times.plainRead)} MB/s`,
  );
  console.log(`  bytes a token                      ${number(bytes / (SHARDS * c.rows * c.tokens))}`);
}

async function timed(list, work) {
  const began = performance.now();
  await work();
  list.push((performance.now() - began) / 1000);
}

async function sync(path) {
  const file = await open(path, 'r');
  await file.sync();
  await file.close();
}

/** The 64 most likely of 128,256 tokens and their tail: selected in the graph, or from all logits in JavaScript. */
async function select(length) {
  const runner = await createRunner('onnx', 2);
  const { vocabulary, k } = TOP_K;
  const hidden = 256;
  const weight = {
    dtype: 'float32',
    shape: [vocabulary, hidden],
    data: Float32Array.from({ length: vocabulary * hidden }, () => 0.3 * random.normal()),
  };
  const x = {
    dtype: 'float32',
    shape: [length, hidden],
    data: Float32Array.from({ length: length * hidden }, () => random.normal()),
  };
  const { tf } = await import('../dist/backend/tf.js');
  const logits = (p, b) => tf.matMul(b.x, p.weight, false, true);
  const product = { key: 'product', call: (p, b) => ({ sum: tf.sum(logits(p, b), -1) }) };
  const inGraph = {
    key: 'graph',
    half: ['topk.logprobs', 'topk.tail'],
    call: (p, b) => nextTokenTensors(logits(p, b), TOP_K),
  };
  const all = { key: 'all', call: (p, b) => ({ logits: logits(p, b) }) };
  const times = { product: [], graph: [], javascript: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await timed(times.product, () => runner.forward(product, { weight }, { x }));
    await timed(times.graph, async () => {
      tokenParts(TOP_K, 'float16', await runner.forward(inGraph, { weight }, { x }), 0, length, random);
    });
    await timed(times.javascript, async () => {
      const outputs = await runner.forward(all, { weight }, { x });
      for (let t = 0; t < length; t++) selectOf(outputs.logits.subarray(t * vocabulary, (t + 1) * vocabulary), k);
    });
  }
  await runner.release();
  const ms = (list) => number((1000 * median(list)) / length);
  console.log(`\nselection of 64 of 128,256, ${length} tokens at once, ms a token`);
  console.log(`  the product with the output embeddings (width ${hidden}) alone   ${ms(times.product)}`);
  console.log(`  product and selection in the graph                           ${ms(times.graph)}`);
  console.log(`  product, all logits copied out, selection in JavaScript      ${ms(times.javascript)}`);
}

/** The k largest by a heap of the k so far, the log of the sum of all and of the rest. */
function selectOf(z, k) {
  const heap = new Int32Array(k);
  let size = 0;
  const sift = (i, below) => {
    let at = i;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < below && z[heap[child]] < z[heap[least]]) least = child;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least], heap[at]];
      at = least;
    }
  };
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < z.length; id++) {
    const value = z[id];
    if (value > top) top = value;
    if (size < k) {
      heap[size++] = id;
      if (size === k) for (let i = k >> 1; i >= 0; i--) sift(i, k);
    } else if (value > z[heap[0]]) {
      heap[0] = id;
      sift(0, k);
    }
  }
  let all = 0;
  for (let id = 0; id < z.length; id++) all += Math.exp(z[id] - top);
  const kept = [...heap].sort((a, b) => z[b] - z[a]);
  const head = kept.reduce((sum, id) => sum + Math.exp(z[id] - top), 0);
  return { kept, tail: Math.log((all - head) / all) };
}

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'recipe-bench-'));
try {
  for (const c of CASES) await measure(c, root);
  for (const length of [64, 512]) await select(length);
} finally {
  if (await stat(root).then(Boolean, () => false)) await rm(root, { recursive: true });
}
