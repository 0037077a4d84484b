import { defineStep, one, optional, type StepContext, StepFailure } from '../engine/step.js';
import type { MakePairsOptions } from '../options/make-pairs.js';

type Context = StepContext<MakePairsOptions>;

export const makePairs = defineStep<MakePairsOptions>({
  name: 'make-pairs',
  version: 1,
  summary: 'Makes pairs of rows’ two texts: those that belong together, and drawn and hard ones that do not',
  inputs: { data: one('dataset'), encoder: optional('model') },
  outputs: { pairs: 'dataset' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  problems: ({ text, pair, fields = [], ignore, random, hard }) => [
    ...(text === pair ? [{ pointer: '/pair', message: `both texts are the field "${text}"` }] : []),
    ...fields.flatMap((name, i) =>
      ['text', 'pair'].includes(name)
        ? [{ pointer: `/fields/${i}`, message: `"${name}" is the name of one of a pair's two texts` }]
        : [],
    ),
    ...(random + hard > 0
      ? []
      : [{ pointer: '/random', message: 'without negatives all pairs belong together', hint: 'Set random or hard.' }]),
    ...(ignore === undefined ? [] : patternProblems(ignore)),
  ],

  async run(ctx) {
    const [{ makePairs: make }, { readDataset, writeDataset }] = await Promise.all([
      import('../data/make-pairs.js'),
      import('../data/dataset.js'),
    ]);
    if (ctx.options.hard === 0 && ctx.optionalInput('encoder')) {
      throw new StepFailure('not-used', 'the input "encoder" finds hard negatives, and none are wanted', 'Set hard.');
    }
    const { rows } = await readDataset(ctx.input('data').path);
    const labels = ctx.options.labels as [string, string];
    const made = await make(rows, { ...ctx.options, labels }, ctx.seed, async (texts, pairs) => {
      const similar = await similarity(ctx, texts, pairs);
      return async (place) => {
        await ctx.progress({ done: place + 1, total: texts.length, unit: 'texts', phase: 'hard negatives' });
        ctx.signal.throwIfAborted();
        return similar(place);
      };
    });
    const { empty, repeated, lacking } = made;
    if (lacking > 0) ctx.log('warning', `${lacking} negatives could not be had: too few rows differ`);
    await writeDataset(await ctx.output('pairs'), labels, made.rows);
    const count = (n: number): string => n.toLocaleString('en-US');
    ctx.show({
      title: 'pairs',
      columns: [
        { label: '', align: 'left' },
        { label: 'rows', align: 'right' },
      ],
      rows: [
        ['read', count(rows.length)],
        ...(empty > 0 ? [['one text is empty', `−${count(empty)}`]] : []),
        ...(repeated > 0 ? [['the same two texts', `−${count(repeated)}`]] : []),
        ...[...[...labels].reverse(), null].flatMap((label) => {
          const own = made.rows.filter((row) => row.label === label).length;
          return own === 0 && label === null ? [] : [[label ?? 'unlabelled', count(own)]];
        }),
      ],
      notes: [],
    });
  },
});

function patternProblems(pattern: string) {
  try {
    new RegExp(pattern, 'giu');
    return [];
  } catch (error) {
    return [{ pointer: '/ignore', message: `not a regular expression: ${(error as Error).message}` }];
  }
}

async function similarity(ctx: Context, texts: readonly string[], pairs: readonly string[]) {
  const { vectorSimilarity, wordSimilarity } = await import('../models/similarity.js');
  const encoder = ctx.optionalInput('encoder');
  const onTexts = async (done: number, total: number): Promise<void> => {
    await ctx.progress({ done, total, unit: 'texts', phase: encoder ? 'embedding' : 'counting words' });
    ctx.signal.throwIfAborted();
  };
  if (encoder === undefined) return wordSimilarity(texts, pairs, onTexts);
  const { loadEmbedder } = await import('../models/embedders.js');
  const embedder = await loadEmbedder(encoder.path, ctx.options.backend, ctx.threads);
  try {
    return await vectorSimilarity(texts, pairs, embedder, onTexts);
  } finally {
    await embedder.close();
  }
}
