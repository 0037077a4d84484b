import { createRunner } from '../backend/runner.js';
import { type Row, readDataset } from '../data/dataset.js';
import { LogitsCache } from '../data/logits.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import { objectiveOf } from '../methods/index.js';
import type { TransformerConfig } from '../models/architecture.js';
import { saveTransformer } from '../models/checkpoint.js';
import type { Bert, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { Examples } from './examples.js';
import { train } from './loop.js';
import { checkObjectives, fitOf } from './preflight.js';
import { readState, saveState } from './saved-state.js';
import { trainYardstick } from './yardstick.js';

const STATE = 'state';

/** The `train` step. */
export async function run(ctx: StepContext<TrainOptions>): Promise<void> {
  const { info, rows } = await readDataset(ctx.input('data').path);
  if (info.labels.length < 2) {
    throw new StepFailure('labels', `a classifier needs at least two labels, and the data has ${info.labels.length}`);
  }
  const { model } = ctx.options;
  if (model.type === 'logistic') {
    refuseUnused(ctx);
    return trainYardstick(ctx, model, info.labels, rows);
  }
  return trainTransformer(ctx, model, info.labels, rows);
}

/** @throws StepFailure for what a logistic model would silently leave aside */
function refuseUnused(ctx: StepContext<TrainOptions>): void {
  const inputs = ['tokenizer', 'teacher'].filter((name) => ctx.optionalInput(name) !== undefined);
  const unused = [...(ctx.options.stages ? ['stages'] : []), ...inputs];
  if (unused.length === 0) return;
  throw new StepFailure(
    'not-used',
    `a logistic model takes no ${unused.map((name) => `"${name}"`).join(', ')}: it learns from labels, to its optimum`,
    `Leave ${unused.length === 1 ? 'it' : 'them'} out.`,
  );
}

async function trainTransformer(
  ctx: StepContext<TrainOptions>,
  model: Bert,
  labels: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const { stages, batch_size: batchSize, weight_decay: weightDecay, clip_norm: clipNorm, backend } = ctx.options;
  const tokenizerFolder = ctx.optionalInput('tokenizer')?.path;
  if (!stages) {
    const hint = 'Add for example stages: [{ objectives: [hard-label] }].';
    throw new StepFailure(
      'no-stages',
      `a ${model.type} model needs "stages": what to learn from, and for how long`,
      hint,
    );
  }
  if (!tokenizerFolder) {
    const hint = 'Give it the output of a train-tokenizer step.';
    throw new StepFailure('no-tokenizer', `a ${model.type} model needs the input "tokenizer"`, hint);
  }
  if (model.hidden % model.heads !== 0) {
    throw new StepFailure('heads', `hidden ${model.hidden} is not a multiple of heads ${model.heads}`);
  }
  const tokenizer = await loadTokenizer(tokenizerFolder);
  const config: TransformerConfig = {
    type: model.type,
    vocabulary: tokenizer.vocabularySize,
    layers: model.layers,
    hidden: model.hidden,
    heads: model.heads,
    intermediate: model.intermediate ?? 4 * model.hidden,
    maxLength: model.max_length,
    labels: labels.length,
    dropout: model.dropout,
  };
  const teacher = ctx.optionalInput('teacher');
  const cache = teacher && (await LogitsCache.open(teacher.path));
  const runner = await createRunner(backend, ctx.threads);
  try {
    const fit = cache && fitOf(cache.index, config, labels, tokenizer.hash);
    checkObjectives(stages, cache && fit && { fit, index: cache.index });
    const saved = await ctx.checkpoint.load(STATE);
    const examples = await Examples.encode(rows, labels, tokenizer, config.maxLength);
    let sum = 0;
    let count = 0;
    const parameters = await train(
      {
        config,
        stages,
        examples,
        cache,
        fit,
        batchSize,
        weightDecay,
        clipNorm,
        seed: ctx.seed,
        runner,
        resume: saved === undefined ? undefined : await readState(saved),
      },
      async ({ stage, done, total, loss, position, optimizer }) => {
        sum += loss;
        count++;
        const phase = stages.length > 1 ? { phase: `stage ${stage + 1} of ${stages.length}` } : {};
        await ctx.progress({ done, total, unit: 'updates', loss: sum / count, ...phase });
        if (count >= 10) [sum, count] = [0, 0];
        if (ctx.checkpoint.due()) {
          await ctx.checkpoint.save(STATE, (folder) => saveState(folder, position, optimizer));
        }
        ctx.signal.throwIfAborted();
      },
    );
    const labelled = rows.filter((row) => row.label !== null).length;
    // Without a teacher, a row without a label says nothing.
    const taught = stages.some((stage) => stage.objectives.some((entry) => objectiveOf(entry).teacher));
    const trainedOn = { rows: taught ? rows.length : labelled, labelled };
    await saveTransformer(await ctx.output('model'), { config, labels, parameters }, tokenizerFolder, trainedOn);
  } finally {
    cache?.close();
    await runner.release();
  }
}
