import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { rowId } from '../../../src/data/dataset.js';
import { type About, shardName, writeIndex } from '../../../src/data/logits/index-file.js';
import { writeShard } from '../../../src/data/logits/write-shard.js';
import { LogitsCache, writeClassLogits } from '../../../src/data/logits.js';
import { Random } from '../../../src/util/random.js';
import { temporaryFolder } from '../../steps/context.js';

const about: About = {
  teacher: { name: 'x', revision: '1', layers: 0, hidden: 0, heads: 0 },
  labels: ['a', 'b'],
  tokenizer: null,
  maxLength: null,
  hiddenStates: [],
  attention: [],
  dtype: 'float32',
  tokens: null,
  computed: null,
};
const idOf = (i: number): string => rowId(`row ${i}`);

test('of many shards only some are open at a time', async () => {
  const folder = await temporaryFolder();
  const count = 700;
  const shards = [];
  for (let i = 0; i < count; i++) {
    const row = { id: Buffer.from(idOf(i), 'hex'), logits: Float32Array.of(i, -i) };
    shards.push({ file: shardName(i), ...(await writeShard(join(folder, shardName(i)), about, [row])) });
  }
  const rows = Array.from({ length: count }, (_, i) => ({ id: idOf(i), shard: i, row: 0 }));
  await writeIndex(folder, about, rows, shards);
  const cache = await LogitsCache.open(folder);
  const before = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
  const random = new Random(1, 'order');
  for (let k = 0; k < 2000; k++) {
    const i = random.below(count);
    expect([...cache.classLogits(idOf(i))]).toEqual([i, -i]);
  }
  if (process.platform === 'linux') expect(readdirSync('/proc/self/fd').length - before).toBeLessThanOrEqual(256);
  cache.close();
  if (process.platform === 'linux') expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
});

test('an open cache takes some fifty bytes a row', async () => {
  const folder = await temporaryFolder();
  const count = 200_000;
  async function* rows() {
    for (let i = 0; i < count; i++) yield { id: idOf(i), logits: Float32Array.of(i % 7, i % 5) };
  }
  await writeClassLogits(folder, { labels: about.labels, teacher: about.teacher }, rows());
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const cache = await LogitsCache.open(folder);
  expect([...cache.classLogits(idOf(199_999))]).toEqual([199_999 % 7, 199_999 % 5]);
  expect((used() - before) / count).toBeLessThan(60);
  cache.close();
});
