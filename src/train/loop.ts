import type { HostTensors, Runner } from '../backend/runner.js';
import type { LogitsCache } from '../data/logits.js';
import { teacherOf } from '../methods/index.js';
import { initialize, type Parameters } from '../models/initialize.js';
import { batchRows, bucketLength, bucketLengths } from '../models/padding.js';
import type { Optimizer as OptimizerOptions, Stage as StageOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { Random, streamKey } from '../util/random.js';
import { authorOf } from './author.js';
import { type Batch, extremeBatches, planEpoch } from './batches.js';
import { Best } from './best.js';
import { examine, examined } from './doctor.js';
import { DropoutMasks } from './dropout.js';
import type { Learnable } from './examples.js';
import { countsOf, dropoutFeeds, shareFeeds } from './feeds.js';
import { NotFiniteError, Optimizer } from './optimizer.js';
import { ruleOf } from './optimizers/index.js';
import { countsOfTexts } from './responses.js';
import type { Rollouts } from './rollouts.js';
import type { Position, SavedState } from './saved-state.js';
import { rateFactor } from './schedule.js';
import type { Stage } from './stage.js';
import type { Teacher } from './teachers.js';
import type { Trainee } from './trainee.js';
import type { Judge, Metric } from './validate.js';

/** Where a stage says neither epochs nor updates; its schema says so. */
const EPOCHS = 3;

export interface Training {
  readonly trainee: Trainee;
  /** The trainee's, at the start. */
  readonly initial: Parameters;
  readonly stages: readonly StageOptions[];
  /** What a stage learns from, the first being 0. */
  readonly examples: (stage: number) => Learnable;
  readonly teachers: readonly Teacher[];
  /** What a stage with `validate` is judged by. */
  readonly validation: (stage: number) => Judge | undefined;
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
  /** Each objective's own loss, before its weight. */
  readonly losses: readonly number[];
  /** What these are called, and whose they are. */
  readonly named: Stage['losses'];
  /** Of the whole gradient, before clipping. */
  readonly gradientNorm: number;
  /** Each objective's part of the gradient, its weight in it, where this update was examined. */
  readonly norms: readonly number[] | undefined;
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
  const { trainee, seed, resume, weightDecay, clipNorm, runner } = training;
  const model = trainee.specs;
  let parameters = training.initial;
  const stages = training.stages.map((options, i) => trainee.stage(options, `stage ${i}`));
  for (let i = resume?.position.stage ?? 0; i < stages.length; i++) {
    const { specs } = stages[i] as Stage;
    const options = training.stages[i] as StageOptions;
    const resumed = i === resume?.position.stage ? resume : undefined;
    if (resumed) parameters = withData(parameters, resumed.parameters);
    const all = { ...model, ...specs };
    const frozen = trainee.frozen(options.freeze);
    const rule = ruleOf(training.optimizer, weightDecay);
    const start = { ...parameters, ...initialize(specs, seed) };
    const optimizer = new Optimizer(start, all, rule, clipNorm, frozen, trainee.modelOf);
    const best = options.validate && new Best(options.validate);
    resumed?.restore(optimizer, best, trainee.average);
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
export function withData(parameters: Parameters, data: Readonly<Record<string, Float32Array>>): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, tensor]) => [name, { ...tensor, data: data[name] ?? tensor.data }]),
  );
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
  const { trainee, batchSize, accumulate, seed, runner } = training;
  const options = training.stages[index] as StageOptions;
  const examples = training.examples(index);
  const caches = training.teachers.map(({ said }) => said);
  const rows = examples.rows.flatMap(({ id }, i) =>
    stage.applies(examples.labelled(i), (teacher) => caches[teacher]?.has(id) ?? true) ? [i] : [],
  );
  if (rows.length === 0) throw nothingToLearn(index, training);
  const partial = caches.map((cache) => cache !== undefined && rows.some((i) => !cache.has(idOf(examples, i))));
  const batchesPerEpoch = Math.ceil(rows.length / batchSize);
  const perEpoch = Math.ceil(batchesPerEpoch / accumulate);
  const total = options.updates ?? Math.max(1, Math.round((options.epochs ?? EPOCHS) * perEpoch));
  const lengths = rows.map((r) => examples.length(r));
  const buckets = bucketLengths(trainee.maxLength);
  const masks = new DropoutMasks();
  const key = streamKey(seed, `dropout ${index}`);
  const parameters = { ...optimizer.parameters, ...stage.fixed };
  const author = authorOf(training, stage, optimizer.parameters);
  /** What is fed of one batch of an update. */
  const feedsOf = (
    window: readonly Batch[],
    i: number,
    size: number,
    counter: number,
    written: readonly (Rollouts | undefined)[] = [],
  ): HostTensors => {
    const rollouts = written[i];
    const batch = rollouts ? padded(window[i] as Batch, rollouts, trainee.maxLength) : (window[i] as Batch);
    const random = (purpose: string): Random => new Random(seed, `${purpose} ${index} ${counter}`);
    const counts = (each: Batch, k: number) => {
      const own = written[k];
      if (own)
        return countsOf(stage.over, () =>
          countsOfTexts(
            own.texts,
            each.rows.map((_, at) => at),
          ),
        );
      return countsOf(stage.over, (t) => examples.counts(each, known(partial, caches, t)));
    };
    return {
      ...examples.batch(batch, size, { caches, wanted: stage.wanted, partial, random, rollouts }),
      ...dropoutFeeds(masks.fill(stage.dropout(size * (examples.texts ?? 1), batch.length), key, counter)),
      ...(accumulate > 1 && shareFeeds(window.map(counts), i)),
      ...stage.numbers(Math.floor(counter / accumulate) / Math.max(1, total - 1), rollouts !== undefined),
    };
  };
  let epoch: { number: number; batches: Batch[] } | undefined;
  if (best?.waited) return; // killed right after the stage's end
  const extremes = extremeBatches(lengths, batchSize, buckets).map(({ row, length, size }) =>
    feedsOf([{ rows: [rows[row] as number], length }], 0, size, 0),
  );
  await runner.prepare('gradients', stage.fn, parameters, extremes);

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
    const losses = stage.losses.map(() => 0);
    let loss = 0;
    const diverged = (batch: number, why: string): StepFailure => {
      const culprits = stage.losses.filter((_, i) => !Number.isFinite(losses[i])).map(({ name: own }) => own);
      const names = culprits.length === 0 ? '' : `, not finite: ${culprits.join(', ')}`;
      const ids = (window[batch] as Batch).rows.slice(0, 3).map((row) => examples.rows[row]?.id.slice(0, 12));
      return new StepFailure(
        'diverged',
        `training diverged in update ${update + 1} of stage ${index + 1}, batch ${first + batch + 1} of epoch ${number + 1} (rows ${ids.join(', ')}, …; loss ${loss}${names}): ${why}`,
        'Lower learning_rate, or lengthen warmup.',
      );
    };
    const written: (Rollouts | undefined)[] = [];
    for (const [i, batch] of window.entries()) {
      written.push(await author?.write(examples, batch.rows, `${index} ${update * accumulate + i}`));
    }
    let norms: readonly number[] | undefined;
    for (const [i, batch] of window.entries()) {
      const counter = update * accumulate + i;
      const feeds = feedsOf(window, i, batchRows(batch.rows.length, batchSize), counter, written);
      const { values, gradients } = await runner.gradients(stage.fn, parameters, feeds);
      loss += values.loss?.[0] as number;
      losses.forEach((sum, k) => {
        losses[k] = sum + (values[`loss.${k}`]?.[0] as number);
      });
      if (!Number.isFinite(loss)) throw diverged(i, 'the loss is not finite');
      optimizer.add(gradients);
      if (i === 0 && stage.losses.length > 1 && examined(update + 1)) {
        norms = await examine(runner, stage, parameters, feeds, Object.keys(trainee.specs));
      }
    }
    const rate = options.learning_rate * rateFactor(options.schedule, update, total, options.warmup);
    let gradientNorm: number;
    try {
      gradientNorm = optimizer.apply(rate);
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      throw diverged(window.length - 1, error.message);
    }
    trainee.average?.follow(optimizer.parameters);
    const done = update + 1;
    let validation: number | undefined;
    const { validate } = options;
    if (validate && best && (done % (validate.every ?? perEpoch) === 0 || done === total)) {
      const judge = training.validation(index) as Judge; // checked before anything is trained
      validation = await trainee.measure(judge, validate.metric as Metric, runner, optimizer.parameters);
      best.add(validation, optimizer.parameters);
    }
    const stopped = best?.waited ?? false;
    await after({
      stage: index,
      done,
      total,
      loss,
      losses,
      named: stage.losses,
      gradientNorm,
      norms,
      validation,
      stopped,
      position: { stage: index, update: done },
      optimizer,
      best,
    });
    if (stopped) return;
  }
}

/** A batch as long as what was written for it. */
function padded({ rows }: Batch, { texts }: Rollouts, maxLength: number): Batch {
  const longest = Math.max(...rows.map((_, i) => texts.length(i)));
  return { rows, length: bucketLength(longest, maxLength) };
}

const idOf = (examples: Learnable, i: number): string => (examples.rows[i] as { id: string }).id;

/** The cache by which a teacher's rows are counted, where it knows only some. */
const known = (
  partial: readonly boolean[],
  caches: readonly (LogitsCache | undefined)[],
  teacher: number | undefined,
): LogitsCache | undefined => (teacher !== undefined && partial[teacher] ? caches[teacher] : undefined);

function nothingToLearn(index: number, { stages, teachers }: Training): StepFailure {
  const stage = `stage ${index + 1}`;
  const taught = (stages[index] as StageOptions).objectives.some((entry) => teacherOf(entry) !== undefined);
  if (!taught) return new StepFailure('no-rows', `${stage} learns from labels only, and no training row has one`);
  return new StepFailure(
    'no-rows',
    `${stage} has no training row that its teacher${teachers.length > 1 ? 's know' : ' knows'}`,
    'Run cache-logits over the same data that the student trains on.',
  );
}
