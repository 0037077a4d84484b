import { type DatasetInfo, type Row, realLabels, syntheticOf } from '../data/dataset.js';
import { pairOf } from '../data/pair.js';
import type { StepContext } from '../engine/step.js';
import { cosinesOf, remembering } from '../models/bi-encoder.js';
import { calibrate } from '../models/calibrate.js';
import { loadEmbedder } from '../models/embedders.js';
import { saveSimilarityProbe } from '../models/similarity-probe.js';
import type { TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';

/** Pairs between two reports. */
const CHUNK = 256;

/**
 * Learns from which cosine of a frozen encoder's vectors on two texts belong together, and saves both.
 * @throws StepFailure for what it would silently leave aside, or if there is no encoder, or no pairs of both labels
 */
export async function trainSimilarityProbe(
  ctx: StepContext<TrainOptions>,
  info: DatasetInfo,
  all: readonly Row[],
): Promise<void> {
  const inputs = ['tokenizer', 'validation'].filter((name) => ctx.optionalInput(name) !== undefined);
  const teacher = ctx.inputList('teacher').length > 0 ? ['teacher'] : [];
  const unused = [...(ctx.options.stages ? ['stages'] : []), ...inputs, ...teacher];
  if (unused.length > 0) {
    throw new StepFailure(
      'not-used',
      `features: similarity takes no ${unused.map((name) => `"${name}"`).join(', ')}: the encoder stays as it is`,
      `Leave ${unused.length === 1 ? 'it' : 'them'} out.`,
    );
  }
  const from = ctx.optionalInput('init')?.path;
  if (from === undefined) {
    const hint = 'Give it the output of an import-model step as "init".';
    throw new StepFailure('no-init', 'features: similarity needs the input "init": the encoder', hint);
  }
  const rows = all.filter(({ label }) => label !== null);
  const encoder = await loadEmbedder(from, ctx.options.backend, ctx.threads);
  try {
    const cosines = new Float32Array(rows.length);
    const memory = remembering(encoder);
    for (let start = 0; start < rows.length; start += CHUNK) {
      const some = rows.slice(start, start + CHUNK);
      const texts = some.map(({ text }) => text);
      cosines.set(await cosinesOf(memory, texts, some.map(pairOf)), start);
      await ctx.progress({ done: start + some.length, total: rows.length, unit: 'pairs', phase: 'embedding' });
      ctx.signal.throwIfAborted();
    }
    const found = await calibrate(
      cosines,
      rows.map(({ label }) => label === info.labels[1]),
    );
    if (found === undefined) {
      const message =
        'features: similarity learns from pairs of both labels, of which those that belong together are more alike';
      throw new StepFailure('no-rows', message, 'Make pairs with a make-pairs step, or take another encoder.');
    }
    const trainedOn = { rows: rows.length, labelled: realLabels(info, rows), ...syntheticOf(rows) };
    await saveSimilarityProbe(await ctx.output('model'), info.labels, found, encoder, from, trainedOn);
  } finally {
    await encoder.close();
  }
}
