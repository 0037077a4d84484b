// One of our tasks in a process of its own: seconds and peak memory as JSON.
//
//     node bench/data/ours.js minhash|sample FILE
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withCorpus } from '../../dist/data/corpus.js';
import { writeDataset } from '../../dist/data/dataset.js';

const [task, file] = process.argv.slice(2);
const options = {
  source: { type: 'jsonl', path: file, text: 'text', label: 'label', fields: [] },
  deduplicate: { near: task === 'minhash' ? 0.8 : null },
  split: { train: 0.7, validation: 0.1, test: 0.2 },
  gold: 0,
  limit: 0,
  max_characters: 20_000,
};
if (process.argv[4] === 'near') options.deduplicate.near = 0.8;
const folder = await mkdtemp(join(tmpdir(), 'bench-data-'));
const report = { progress: async () => {}, log: () => {} };
try {
  const since = performance.now();
  const kept = await withCorpus(
    options,
    7,
    report,
    { folder, against: [], quarantine: async () => folder },
    async (corpus) => {
      if (task === 'minhash')
        return corpus.funnel.read.total - corpus.funnel.stages.reduce((n, s) => n + s.dropped.total, 0);
      for (const split of ['train', 'validation', 'test']) {
        await writeDataset(folder, corpus.labels, corpus.rows(split), undefined, corpus.names);
      }
      return Object.values(corpus.tallies).reduce((sum, { total }) => sum + total, 0);
    },
  );
  const seconds = (performance.now() - since) / 1000;
  console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024, rows: kept }));
} finally {
  await rm(folder, { recursive: true });
}
