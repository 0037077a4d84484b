import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceOptions } from '../data/sources/index.js';
import { defineStep, list, optional, type StepContext, StepFailure } from '../engine/step.js';
import type { SampleDataOptions } from '../options/sample-data.js';
import { PERMISSION } from '../teachers/claims.js';

/** Packages that read a source; of the others those that the step always needed. */
const PACKAGES: Readonly<Partial<Record<SampleDataOptions['source']['type'], readonly string[]>>> = {
  csv: ['csv-parse'],
  parquet: ['hyparquet', 'hyparquet-compressors'],
  hf: ['hyparquet', 'hyparquet-compressors'],
  npm: ['csv-parse', 'hyparquet', 'hyparquet-compressors'],
  text: [],
  folder: [],
  dataset: [],
};

export const sampleData = defineStep<SampleDataOptions>({
  name: 'sample-data',
  version: 2,
  summary:
    'Reads texts of many kinds, drops duplicates and what is no good, and splits into train, validation and test.',
  inputs: { data: optional('dataset'), against: { ...list('dataset'), optional: true } },
  outputs: { train: 'dataset', validation: 'dataset', test: 'dataset', report: 'report' },
  lane: 'io',
  packages: ({ source: { type }, quality = [] }) => [
    ...(PACKAGES[type] ?? ['postal-mime', 'html-to-text']),
    ...(quality.some((filter) => filter.type === 'language') ? ['eld'] : []),
  ],
  environment: { HF_TOKEN: 'secret', HF_ENDPOINT: 'plain', HF_HOME: 'plain', HF_HUB_CACHE: 'plain' },
  claims: ({ source: { data } }) =>
    data === undefined ? [] : [{ topic: PERMISSION, value: { ...data }, pointer: '/source/data/permission' }],
  problems: ({ split: { group, time } }) =>
    group === undefined || time === undefined
      ? []
      : [{ pointer: '/split/time', message: 'rows are split by groups or by time, not by both' }],
  async misfits({ source, decontaminate }, known) {
    const against = known('against').length > 0;
    if (against && decontaminate === undefined) {
      const message = 'the input "against" is used by the option "decontaminate", which is not there';
      return [{ pointer: '', message, hint: 'decontaminate: {} has its defaults.' }];
    }
    if (!against && decontaminate !== undefined) {
      const message = 'there is nothing to compare with: the input "against" is not bound';
      return [{ pointer: '/decontaminate', message }];
    }
    const bound = known('data').length > 0;
    if (source.type === 'dataset' && !bound) {
      const hint = 'Bind it to a dataset: data: ${{ steps.ID.outputs.NAME }}.';
      return [{ pointer: '/source', message: 'a source of type "dataset" needs the input "data"', hint }];
    }
    if (source.type !== 'dataset' && bound) {
      const message = `the input "data" is read by a source of type "dataset", and this one is "${source.type}"`;
      return [{ pointer: '/source', message }];
    }
    return [];
  },
  async run(ctx) {
    const [{ withCorpus }, { corpusTable }, { writeDataset }, { SPLITS }] = await Promise.all([
      import('../data/corpus.js'),
      import('../data/corpus-table.js'),
      import('../data/dataset.js'),
      import('../data/split.js'),
    ]);
    const options = { ...ctx.options, source: await located(ctx) };
    const folder = await ctx.output('report');
    const against = ctx.inputList('against').map(({ path }) => path);
    const work = { folder, against, quarantine: () => ctx.sharedFolder('quarantine') };
    await withCorpus(options, ctx.seed, ctx, work, async (corpus) => {
      ctx.show(corpusTable(corpus));
      for (const name of SPLITS) {
        await writeDataset(await ctx.output(name), corpus.labels, corpus.rows(name), undefined, corpus.names);
      }
      await corpus.quarantine.write(folder);
      const funnel = corpus.funnel.toJson(corpus.tallies);
      await writeFile(join(folder, 'funnel.json'), `${JSON.stringify(funnel, null, 2)}\n`);
    });
  },
});

/** The source once its rows are on this machine. */
async function located(ctx: StepContext<SampleDataOptions>): Promise<SourceOptions> {
  const { source } = ctx.options;
  if (source.type === 'dataset') {
    const input = ctx.optionalInput('data');
    if (input === undefined) throw new StepFailure('no-input', 'the input "data" is not bound', undefined, '/source');
    return { type: 'dataset', path: input.path };
  }
  if (source.type === 'hf') {
    const { fetchDataFiles } = await import('../hub/data-files.js');
    return { ...source, type: 'parquet', path: await fetchDataFiles(ctx, source) };
  }
  return source;
}
