import type { HostTensors, Runner } from '../backend/runner.js';
import { initialize, type Parameters } from '../models/initialize.js';
import type { Optimizer as OptimizerOptions, Stage as StageOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { type Author, authorOf } from './author.js';
import { Best } from './best.js';
import { examine, examined } from './doctor.js';
import type { Learnable } from './examples.js';
import { NotFiniteError, Optimizer } from './optimizer.js';
import { ruleOf } from './optimizers/index.js';
import type { Rollouts } from './rollouts.js';
import type { Position, SavedState } from './saved-state.js';
import { rateFactor } from './schedule.js';
import type { Stage } from './stage.js';
import { StageBatches } from './stage-batches.js';
import type { Teacher } from './teachers.js';
import type { Trainee } from './trainee.js';
import type { Judge, Metric } from './validate.js';

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

/** What the loop tells after each update. */
interface Report {
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
}

/** Called after each update; where it throws, training stops. */
export type AfterUpdate = (report: Report) => Promise<void>;

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

/** A stage as it is being trained. */
interface Lesson {
  readonly index: number;
  readonly stage: Stage;
  readonly batches: StageBatches;
  readonly optimizer: Optimizer;
  /** The optimiser's, which change, and what is fixed. */
  readonly parameters: HostTensors;
  readonly author: Author | undefined;
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
  const { trainee, runner } = training;
  const batches = new StageBatches(training, index, stage);
  const { total, perEpoch } = batches;
  const parameters = { ...optimizer.parameters, ...stage.fixed };
  const author = authorOf(training, stage, optimizer.parameters);
  if (best?.waited) return; // killed right after the stage's end
  await runner.prepare('gradients', stage.fn, parameters, batches.extremes());
  const { validate } = training.stages[index] as StageOptions;
  for (let update = from; update < total; update++) {
    const learnt = await learn(training, { index, stage, batches, optimizer, parameters, author }, update);
    trainee.average?.follow(optimizer.parameters);
    const done = update + 1;
    let validation: number | undefined;
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
      ...learnt,
      named: stage.losses,
      validation,
      stopped,
      position: { stage: index, update: done },
      optimizer,
      best,
    });
    if (stopped) return;
  }
}

/** One update: the gradients of its batches, summed, and the optimiser's step. */
async function learn(
  { trainee, accumulate, runner, stages }: Training,
  { index, stage, batches, optimizer, parameters, author }: Lesson,
  update: number,
): Promise<Pick<Report, 'loss' | 'losses' | 'gradientNorm' | 'norms'>> {
  const window = batches.window(update);
  const losses = stage.losses.map(() => 0);
  let loss = 0;
  let norms: readonly number[] | undefined;
  const diverged = (batch: number, why: string): StepFailure => {
    const culprits = stage.losses.filter((_, i) => !Number.isFinite(losses[i])).map(({ name }) => name);
    const names = culprits.length === 0 ? '' : `, not finite: ${culprits.join(', ')}`;
    const place = `update ${update + 1} of stage ${index + 1}, batch ${window.first + batch + 1} of epoch ${window.epoch + 1}`;
    return new StepFailure(
      'diverged',
      `training diverged in ${place} (rows ${batches.named(window, batch)}; loss ${loss}${names}): ${why}`,
      'Lower learning_rate, or lengthen warmup.',
    );
  };
  const written: (Rollouts | undefined)[] = [];
  for (const [i, { rows }] of window.batches.entries()) {
    written.push(await author?.write(batches.examples, rows, `${index} ${update * accumulate + i}`));
  }
  for (const i of window.batches.keys()) {
    const feeds = batches.feeds(window, i, update, written);
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
  const options = stages[index] as StageOptions;
  try {
    const rate = options.learning_rate * rateFactor(options.schedule, update, batches.total, options.warmup);
    return { loss, losses, norms, gradientNorm: optimizer.apply(rate) };
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    throw diverged(window.batches.length - 1, error.message);
  }
}
