import { type DatasetInfo, type Row, realLabels, syntheticOf } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import type { TrainedOn } from '../models/checkpoint.js';
import { loadEmbedder } from '../models/embedders.js';
import { saveHashed, trainHashed } from '../models/hashed-logistic.js';
import { denseRows, saveLinearProbe } from '../models/linear-probe.js';
import { chooseL2 } from '../models/logistic/cross-validate.js';
import { fitSoftmax } from '../models/logistic/fit.js';
import { saveLogistic, trainLogistic } from '../models/logistic.js';
import type { Hashed, LinearProbe, LogisticOptions, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { type Targets, targetsOf } from './targets.js';

type Context = StepContext<TrainOptions>;
/** What is trained to its optimum. */
type Yardstick = LogisticOptions | Hashed | LinearProbe;

/** Trains a logistic regression, and saves it: on the rows that have a label, or on what a teacher said of all. */
export async function trainYardstick(
  ctx: Context,
  model: Yardstick,
  info: DatasetInfo,
  rows: readonly Row[],
): Promise<void> {
  refuseUnused(ctx, model);
  const { labels } = info;
  const targets = await targetsOf(rows, labels, onlyTeacher(ctx));
  const trainedOn = {
    rows: targets.rows.length,
    labelled: realLabels(info, targets.rows),
    ...syntheticOf(targets.rows),
  };
  if (model.features === 'embeddings') await trainProbe(ctx, model, labels, targets, trainedOn);
  else await trainWords(ctx, model, labels, targets, trainedOn);
}

/** @throws StepFailure for what a logistic model would silently leave aside */
function refuseUnused(ctx: Context, { features }: Yardstick): void {
  const never = ['tokenizer', 'validation', ...(features === 'embeddings' ? [] : ['init'])];
  const inputs = never.filter((name) => ctx.optionalInput(name) !== undefined);
  const unused = [...(ctx.options.stages ? ['stages'] : []), ...inputs];
  if (unused.length === 0) return;
  throw new StepFailure(
    'not-used',
    `a logistic model takes no ${unused.map((name) => `"${name}"`).join(', ')}: it is trained to its optimum`,
    `Leave ${unused.length === 1 ? 'it' : 'them'} out.`,
  );
}

/** The folder of what the teacher said. @throws StepFailure if there are several teachers */
function onlyTeacher(ctx: Context): string | undefined {
  const [teacher, ...others] = ctx.inputList('teacher');
  if (others.length === 0) return teacher?.path;
  throw new StepFailure(
    'not-used',
    `a logistic model learns from one teacher, and the input "teacher" has ${others.length + 1}`,
    'Make one of them with an ensemble-teachers step.',
  );
}

/** One report an iteration of L-BFGS, of which nobody knows the number. */
const iterations = (ctx: Context) => async (iteration: number, loss: number) => {
  await ctx.progress({ done: iteration, total: iteration, unit: 'iterations', phase: 'L-BFGS', loss });
  ctx.signal.throwIfAborted();
};

async function trainWords(
  ctx: Context,
  options: LogisticOptions | Hashed,
  labels: readonly string[],
  learnt: Targets,
  trainedOn: TrainedOn,
): Promise<void> {
  const training = {
    texts: learnt.rows.map((row) => row.text),
    targets: learnt.targets,
    labels,
    onTexts: async (done: number, total: number) => {
      await ctx.progress({ done, total, unit: 'texts', phase: 'counting words' });
      ctx.signal.throwIfAborted();
    },
    onIteration: iterations(ctx),
  };
  if (options.features === 'hashed') {
    const model = await trainHashed({ ...training, options });
    await saveHashed(await ctx.output('model'), model, trainedOn);
  } else {
    const model = await trainLogistic({ ...training, options });
    await saveLogistic(await ctx.output('model'), model, trainedOn);
  }
}

/** Texts between two reports. */
const EMBEDDED = 64;

async function trainProbe(
  ctx: Context,
  options: LinearProbe,
  labels: readonly string[],
  learnt: Targets,
  trainedOn: TrainedOn,
): Promise<void> {
  const from = ctx.optionalInput('init')?.path;
  if (from === undefined) {
    const hint = 'Give it the output of an import-model step as "init".';
    throw new StepFailure('no-init', 'features: embeddings needs the input "init": the encoder', hint);
  }
  const encoder = await loadEmbedder(from, ctx.options.backend, ctx.threads);
  try {
    const { rows } = learnt;
    const vectors = new Float32Array(rows.length * encoder.width);
    for (let start = 0; start < rows.length; start += EMBEDDED) {
      const some = rows.slice(start, start + EMBEDDED).map((row) => row.text);
      vectors.set(await encoder.embed(some), start * encoder.width);
      await ctx.progress({ done: start + some.length, total: rows.length, unit: 'texts', phase: 'embedding' });
      ctx.signal.throwIfAborted();
    }
    const problem = {
      rows: denseRows(vectors, encoder.width),
      features: encoder.width,
      labels: labels.length,
      targets: learnt.targets,
      weights: new Float32Array(rows.length).fill(1),
    };
    const l2 = options.l2 ?? (await chosenL2(ctx, problem));
    const fit = await fitSoftmax({ ...problem, l2 }, iterations(ctx));
    const probe = { labels, weight: fit.weight, bias: fit.bias, l2 };
    await saveLinearProbe(await ctx.output('model'), probe, encoder, from, trainedOn);
  } finally {
    await encoder.close();
  }
}

async function chosenL2(ctx: Context, problem: Parameters<typeof chooseL2>[0]): Promise<number> {
  const [best, ...others] = await chooseL2(problem, ctx.seed, async (done, total) => {
    await ctx.progress({ done, total, unit: 'fits', phase: 'cross-validation' });
    ctx.signal.throwIfAborted();
  });
  const list = others.map(({ l2, loss }) => `${l2} ${loss.toFixed(4)}`).join(', ');
  ctx.log('info', `l2 ${best.l2}: held-out cross-entropy ${best.loss.toFixed(4)} (others: ${list})`);
  return best.l2;
}
