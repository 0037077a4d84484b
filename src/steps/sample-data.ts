import { defineStep } from '../engine/step.js';
import type { SampleDataOptions } from '../options/sample-data.js';
import { PERMISSION } from '../teachers/claims.js';

export const sampleData = defineStep<SampleDataOptions>({
  name: 'sample-data',
  version: 2,
  summary:
    'Reads mails, a JSONL file or the Brown corpus, drops duplicates, and splits into train, validation and test.',
  inputs: {},
  outputs: { train: 'dataset', validation: 'dataset', test: 'dataset' },
  lane: 'io',
  packages: ['postal-mime', 'html-to-text'],
  claims: ({ source: { data } }) =>
    data === undefined ? [] : [{ topic: PERMISSION, value: { ...data }, pointer: '/source/data/permission' }],
  async run(ctx) {
    const [{ buildCorpus }, { corpusTable }, { writeDataset }, { SPLITS }] = await Promise.all([
      import('../data/corpus.js'),
      import('../data/corpus-table.js'),
      import('../data/dataset.js'),
      import('../data/split.js'),
    ]);
    const corpus = await buildCorpus(ctx.options, ctx.seed, ctx);
    ctx.show(corpusTable(corpus));
    for (const name of SPLITS) {
      await writeDataset(await ctx.output(name), corpus.labels, corpus.splits[name], undefined, corpus.names);
    }
  },
});
