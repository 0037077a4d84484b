import type { HostTensors, Runner } from '../backend/runner.js';
import type { LogitsCache } from '../data/logits.js';
import type { Fit } from '../methods/objective.js';
import type { Part, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { initialize, type Parameters } from '../models/initialize.js';
import { zeroed } from '../models/layers.js';
import { batchRows, bucketLengths } from '../models/padding.js';
import type { Optimizer as OptimizerOptions, Stage as StageOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { streamKey } from '../util/random.js';
import { type Batch, extremeBatches, planEpoch } from './batches.js';
import { Best } from './best.js';
import { DropoutMasks } from './dropout.js';
import type { Learnable } from './examples.js';
import { NotFiniteError, Optimizer } from './optimizer.js';
import { ruleOf } from './optimizers/index.js';
import type { Position, SavedState } from './saved-state.js';
import { rateFactor } from './schedule.js';
import { buildStage, dropoutFeeds, type Stage, shareFeeds } from './stage.js';
import type { Judge, Metric } from './validate.js';

/** Where a stage says neither epochs nor updates; its schema says so. */
const EPOCHS = 3;

export interface Training {
  readonly config: TransformerConfig;
  /** The model's, at the start. */
  readonly initial: Parameters;
  readonly stages: readonly StageOptions[];
  readonly examples: Learnable;
  /** What each teacher said. */
  readonly teachers: readonly LogitsCache[];
  /** Each teacher and the student side by side. */
  readonly fits: readonly Fit[];
  /** What stages with `validate` are judged by. */
  readonly validation: Judge | undefined;
  readonly batchSize: number;
  /** Batches of one update. */
  readonly accumulate: number;
  readonly optimizer: OptimizerOptions;
  readonly weightDecay: number;
  /** Largest global norm of a gradient; 0 = no clipping. */
  readonly clipNorm: number;
  readonly seed: number;
  readonly runner: Runner;
  /** Where an earlier attempt stopped. */
  readonly resume: SavedState | undefined;
}

/** What the loop tells after each update, and where it may be stopped. */
export type AfterUpdate = (report: {
  readonly stage: number;
  readonly done: number;
  readonly total: number;
  readonly loss: number;
  /** Each objective's own loss, before its weight, in the order of the recipe. */
  readonly losses: readonly number[];
  /** Of the whole gradient, before clipping. */
  readonly gradientNorm: number;
  /** The validation metric, where this update was judged. */
  readonly validation: number | undefined;
  /** The stage ends here, before its last update: the metric has not become better for long enough. */
  readonly stopped: boolean;
  readonly position: Position;
  readonly optimizer: Optimizer;
  readonly best: Best | undefined;
}) => Promise<void>;

/**
 * Trains a model through its stages. Each stage has an optimiser of its own, as TinyBERT's separate runs do.
 *
 * @returns the model's parameters
 * @throws StepFailure `diverged` when a gradient is not finite, `no-rows` when a stage has nothing to learn from
 */
export async function train(training: Training, after: AfterUpdate): Promise<Parameters> {
  const { config, seed, resume, weightDecay, clipNorm, runner } = training;
  const model = architectureOf(config).parameters(config);
  let parameters = training.initial;
  const stages = training.stages.map((options, i) => buildStage(config, options, training.fits, `stage ${i}`));
  for (let i = resume?.position.stage ?? 0; i < stages.length; i++) {
    const { specs } = stages[i] as Stage;
    const options = training.stages[i] as StageOptions;
    const resumed = i === resume?.position.stage ? resume : undefined;
    if (resumed) parameters = withData(parameters, resumed.parameters);
    const all = { ...model, ...specs };
    const frozen = frozenNames(options.freeze, model);
    const rule = ruleOf(training.optimizer, weightDecay);
    const optimizer = new Optimizer({ ...parameters, ...initialize(specs, seed) }, all, rule, clipNorm, frozen);
    const best = options.validate && new Best(options.validate);
    resumed?.restore(optimizer, best);
    const trainable = Object.keys(all).filter((name) => !frozen.has(name));
    const stage = { ...(stages[i] as Stage), fn: { ...(stages[i] as Stage).fn, trainable } };
    await runStage(training, i, stage, optimizer, best, resumed?.position.update ?? 0, after);
    parameters = Object.fromEntries(
      Object.keys(model).map((name) => [name, optimizer.parameters[name] as Parameters[string]]),
    );
    if (best?.parameters) parameters = withData(parameters, best.parameters);
    // The next stage computes something else: what was compiled for this one only takes memory.
    await runner.release();
  }
  return parameters;
}

/** The same tensors with other numbers, where there are some. */
function withData(parameters: Parameters, data: Readonly<Record<string, Float32Array>>): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, tensor]) => [name, { ...tensor, data: data[name] ?? tensor.data }]),
  );
}

function frozenNames(
  freeze: readonly Part[],
  model: Readonly<Record<string, { readonly part: Part }>>,
): ReadonlySet<string> {
  return new Set(Object.keys(model).filter((name) => freeze.includes((model[name] as { part: Part }).part)));
}

async function runStage(
  training: Training,
  index: number,
  stage: Stage,
  optimizer: Optimizer,
  best: Best | undefined,
  from: number,
  after: AfterUpdate,
): Promise<void> {
  const { examples, batchSize, accumulate, config, seed, runner, teachers } = training;
  const options = training.stages[index] as StageOptions;
  const says = (i: number): boolean => !stage.labelledOnly || examples.counts({ rows: [i], length: 0 }).labels > 0;
  const rows = examples.rows.flatMap((_, i) => (says(i) ? [i] : []));
  if (rows.length === 0) {
    throw new StepFailure('no-rows', `stage ${index + 1} learns from labels only, and no training row has one`);
  }
  const batchesPerEpoch = Math.ceil(rows.length / batchSize);
  const perEpoch = Math.ceil(batchesPerEpoch / accumulate);
  const total = options.updates ?? Math.max(1, Math.round((options.epochs ?? EPOCHS) * perEpoch));
  const lengths = rows.map((r) => examples.length(r));
  const buckets = bucketLengths(config.maxLength);
  const masks = new DropoutMasks();
  const key = streamKey(seed, `dropout ${index}`);
  /** What is fed of one batch of an update. */
  const feedsOf = (window: readonly Batch[], i: number, size: number, counter: number): HostTensors => {
    const batch = window[i] as Batch;
    const sites = stage.dropoutSites(size * (examples.texts ?? 1), batch.length);
    return {
      ...examples.batch(batch, size, teachers, stage.wanted),
      ...dropoutFeeds(masks.fill(sites, zeroed(config.dropout), key, counter)),
      ...(accumulate > 1 &&
        shareFeeds(
          stage.over,
          window.map((each) => examples.counts(each)),
          i,
        )),
    };
  };
  let epoch: { number: number; batches: Batch[] } | undefined;
  if (best?.waited) return; // killed right after the stage's end
  const extremes = extremeBatches(lengths, batchSize, buckets).map(({ row, length, size }) =>
    feedsOf([{ rows: [rows[row] as number], length }], 0, size, 0),
  );
  await runner.prepare('gradients', stage.fn, optimizer.parameters, extremes);

  for (let update = from; update < total; update++) {
    const number = Math.floor(update / perEpoch);
    if (epoch?.number !== number) {
      epoch = { number, batches: planEpoch(lengths, batchSize, buckets, seed, `${index} ${number}`) };
    }
    const first = (update % perEpoch) * accumulate;
    const window = epoch.batches.slice(first, first + accumulate).map((planned) => ({
      rows: planned.rows.map((i) => rows[i] as number),
      length: planned.length,
    }));
    const losses = options.objectives.map(() => 0);
    let loss = 0;
    const diverged = (batch: number, why: string): StepFailure => {
      const culprits = options.objectives.filter((_, i) => !Number.isFinite(losses[i])).map((entry) => entry.type);
      const names = culprits.length === 0 ? '' : `, not finite: ${culprits.join(', ')}`;
      const ids = (window[batch] as Batch).rows.slice(0, 3).map((row) => examples.rows[row]?.id.slice(0, 12));
      return new StepFailure(
        'diverged',
        `training diverged in update ${update + 1} of stage ${index + 1}, batch ${first + batch + 1} of epoch ${number + 1} (rows ${ids.join(', ')}, …; loss ${loss}${names}): ${why}`,
        'Lower learning_rate, or lengthen warmup.',
      );
    };
    for (const [i, batch] of window.entries()) {
      const counter = update * accumulate + i;
      const feeds = feedsOf(window, i, batchRows(batch.rows.length, batchSize), counter);
      const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, feeds);
      loss += values.loss?.[0] as number;
      losses.forEach((sum, k) => {
        losses[k] = sum + (values[`loss.${k}`]?.[0] as number);
      });
      if (!Number.isFinite(loss)) throw diverged(i, 'the loss is not finite');
      optimizer.add(gradients);
    }
    const rate = options.learning_rate * rateFactor(options.schedule, update, total, options.warmup);
    let gradientNorm: number;
    try {
      gradientNorm = optimizer.apply(rate);
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      throw diverged(window.length - 1, error.message);
    }
    const done = update + 1;
    let validation: number | undefined;
    const { validate } = options;
    if (validate && best && (done % (validate.every ?? perEpoch) === 0 || done === total)) {
      const judges = training.validation as Judge; // checked before anything is trained
      validation = await judges.measure(validate.metric as Metric, runner, config, optimizer.parameters);
      best.add(validation, optimizer.parameters);
    }
    const stopped = best?.waited ?? false;
    await after({
      stage: index,
      done,
      total,
      loss,
      losses,
      gradientNorm,
      validation,
      stopped,
      position: { stage: index, update: done },
      optimizer,
      best,
    });
    if (stopped) return;
  }
}
