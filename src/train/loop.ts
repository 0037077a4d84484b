import type { Runner } from '../backend/runner.js';
import { initialize, type Parameters } from '../models/initialize.js';
import type { Optimizer as OptimizerOptions, Stage as StageOptions } from '../options/train.js';
import { Best } from './best.js';
import { type Course, runCourse } from './course.js';
import type { Learnable } from './examples.js';
import { type Learnt, Lesson } from './lesson.js';
import { Optimizer } from './optimizer.js';
import { ruleOf } from './optimizers/index.js';
import type { Position, SavedState } from './saved-state.js';
import type { Stage } from './stage.js';
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
  /** What a stage is called in messages, the first being 0; without it, by its number. */
  readonly called?: (stage: number) => string;
  /** Where an earlier attempt stopped. */
  readonly resume: SavedState | undefined;
}

/** What the loop tells after each update. */
export interface Report extends Learnt {
  readonly stage: number;
  readonly done: number;
  readonly total: number;
  /** The learning rate that was taken. */
  readonly rate: number;
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
export function train(training: Training, after: AfterUpdate): Promise<Parameters> {
  const stages = training.stages.map((options, i) => training.trainee.stage(options, `stage ${i}`));
  const courses = stages.map((stage, i) => courseOf(training, i, stage));
  return trainCourses(training, courses, after);
}

/** A stage with one function to learn. */
function courseOf(training: Training, index: number, stage: Stage): Course {
  const { trainee, stages, runner } = training;
  return {
    specs: stage.specs,
    open(optimizer, trainable) {
      const lesson = new Lesson(training, index, { ...stage, fn: { ...stage.fn, trainable } }, optimizer);
      const { total, perEpoch } = lesson.batches;
      return {
        total,
        perEpoch,
        prepare: () => lesson.prepare(),
        learn: (update, rate) => lesson.learn(update, rate),
        measure(parameters) {
          const judge = training.validation(index) as Judge; // checked before anything is trained
          return trainee.measure(judge, stages[index]?.validate?.metric as Metric, runner, parameters);
        },
      };
    },
  };
}

type Trained = Pick<
  Training,
  'initial' | 'stages' | 'optimizer' | 'weightDecay' | 'clipNorm' | 'seed' | 'runner' | 'resume'
> & { readonly trainee: Pick<Trainee, 'specs' | 'frozen' | 'modelOf' | 'average'> };

/** What `train` does, of stages that are made. */
export async function trainCourses(
  training: Trained,
  courses: readonly Course[],
  after: AfterUpdate,
): Promise<Parameters> {
  const { trainee, seed, resume, weightDecay, clipNorm, runner } = training;
  const model = trainee.specs;
  let parameters = training.initial;
  for (let i = resume?.position.stage ?? 0; i < courses.length; i++) {
    const course = courses[i] as Course;
    const options = training.stages[i] as StageOptions;
    const resumed = i === resume?.position.stage ? resume : undefined;
    if (resumed) parameters = withData(parameters, resumed.parameters);
    const all = { ...model, ...course.specs };
    const frozen = trainee.frozen(options.freeze);
    const rule = ruleOf(training.optimizer, weightDecay);
    const start = { ...parameters, ...initialize(course.specs, seed) };
    const optimizer = new Optimizer(start, all, rule, clipNorm, frozen, trainee.modelOf);
    const best = options.validate && new Best(options.validate);
    resumed?.restore(optimizer, best, trainee.average);
    const trainable = Object.keys(all).filter((name) => !frozen.has(name));
    await runCourse({
      course: course.open(optimizer, trainable),
      options,
      index: i,
      from: resumed?.position.update ?? 0,
      optimizer,
      best,
      changed: (now) => trainee.average?.follow(now),
      after,
    });
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
