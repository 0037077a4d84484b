import type { ParameterSpec } from '../models/architecture.js';
import type { Parameters } from '../models/initialize.js';
import type { Stage as StageOptions } from '../options/train.js';
import type { Best } from './best.js';
import type { Learnt } from './lesson.js';
import type { AfterUpdate } from './loop.js';
import type { Optimizer } from './optimizer.js';
import { rateFactor } from './schedule.js';

/** A stage of a training: one lesson, or several that take turns. */
export interface Course {
  /** What is learnt beside the model. */
  readonly specs: Readonly<Record<string, ParameterSpec>>;
  /**
   * @param optimizer of the stage
   * @param trainable names of the parameters that are learnt
   * @throws StepFailure `no-rows` if there is nothing to learn from
   */
  open(optimizer: Optimizer, trainable: readonly string[]): OpenCourse;
}

export interface OpenCourse {
  /** Updates in all. */
  readonly total: number;
  /** Updates of one pass over the rows. */
  readonly perEpoch: number;
  /** Compiles what is needed. */
  prepare(): Promise<void>;
  /** One update, the first being 0. */
  learn(update: number, rate: number): Promise<Learnt>;
  /** How good the model is on validation rows; asked of a stage with `validate` only. */
  measure(parameters: Parameters): Promise<number>;
}

interface Running {
  readonly course: OpenCourse;
  readonly options: StageOptions;
  /** Which stage it is, the first being 0. */
  readonly index: number;
  /** Updates that were done before. */
  readonly from: number;
  readonly optimizer: Optimizer;
  readonly best: Best | undefined;
  /** Called with the parameters when they have changed. */
  readonly changed: (parameters: Parameters) => void;
  readonly after: AfterUpdate;
}

/**
 * Update after update, to the end of a stage.
 * @throws StepFailure `diverged` if a loss or a gradient is not finite
 */
export async function runCourse({
  course,
  options,
  index,
  from,
  optimizer,
  best,
  changed,
  after,
}: Running): Promise<void> {
  const { total, perEpoch } = course;
  const { validate, learning_rate: largest, schedule, warmup } = options;
  if (best?.waited) return; // killed right after the stage's end
  await course.prepare();
  for (let update = from; update < total; update++) {
    const rate = largest * rateFactor(schedule, update, total, warmup);
    const learnt = await course.learn(update, rate);
    changed(optimizer.parameters);
    const done = update + 1;
    let validation: number | undefined;
    if (validate && best && (done % (validate.every ?? perEpoch) === 0 || done === total)) {
      validation = await course.measure(optimizer.parameters);
      best.add(validation, optimizer.parameters);
    }
    const stopped = best?.waited ?? false;
    const position = { stage: index, update: done };
    await after({ stage: index, done, total, rate, ...learnt, validation, stopped, position, optimizer, best });
    if (stopped) return;
  }
}
