import type { HostTensors } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { type Author, authorOf } from './author.js';
import { examine, examined } from './doctor.js';
import { numbersOf, type ObjectiveNumbers } from './history.js';
import type { Training } from './loop.js';
import { NotFiniteError, type Optimizer } from './optimizer.js';
import type { Rollouts } from './rollouts.js';
import type { Stage } from './stage.js';
import { calledOf, StageBatches } from './stage-batches.js';
import type { Trainee } from './trainee.js';

/** What a lesson needs to know of the training. */
export interface Schooling
  extends Pick<
    Training,
    'stages' | 'examples' | 'teachers' | 'batchSize' | 'accumulate' | 'seed' | 'runner' | 'called'
  > {
  readonly trainee: Pick<Trainee, 'specs' | 'maxLength' | 'alone'>;
}

/** What an update has learnt. */
export interface Learnt {
  readonly loss: number;
  /** Each objective's own loss, before its weight. */
  readonly losses: readonly number[];
  /** What these are called, and whose they are. */
  readonly named: Stage['losses'];
  /** Each objective's weight, and what else of it is scheduled. */
  readonly numbers: readonly ObjectiveNumbers[];
  /** Of the whole gradient, before clipping. */
  readonly gradientNorm: number;
  /** Each objective's part of the gradient, its weight in it, where this update was examined. */
  readonly norms: readonly number[] | undefined;
}

/** A stage's function as it is being learnt, batch by batch. */
export class Lesson {
  readonly batches: StageBatches;
  /** The optimiser's, which change, and what is fixed. */
  private readonly parameters: HostTensors;
  private readonly author: Author | undefined;

  /**
   * @param index which stage it is, the first being 0
   * @param stage its function names what it trains
   * @throws StepFailure `no-rows` if there is nothing to learn from
   */
  constructor(
    private readonly schooling: Schooling,
    private readonly index: number,
    private readonly stage: Stage,
    private readonly optimizer: Optimizer,
  ) {
    this.batches = new StageBatches(schooling, index, stage);
    this.parameters = { ...optimizer.parameters, ...stage.fixed };
    this.author = authorOf(schooling, stage, optimizer.parameters);
  }

  /** Compiles what is needed for batches of all sizes. */
  prepare(): Promise<void> {
    return this.schooling.runner.prepare('gradients', this.stage.fn, this.parameters, this.batches.extremes());
  }

  /**
   * One update: the gradients of its batches, summed, and the optimiser's step.
   *
   * @param update of this lesson, the first being 0
   * @param rate the learning rate
   * @throws StepFailure `diverged` if the loss or the gradient is not finite
   */
  async learn(update: number, rate: number): Promise<Learnt> {
    const { stage, batches, optimizer, index } = this;
    const { trainee, accumulate, runner } = this.schooling;
    const window = batches.window(update);
    const losses = stage.losses.map(() => 0);
    let loss = 0;
    let norms: readonly number[] | undefined;
    const diverged = (batch: number, why: string): StepFailure => {
      const culprits = stage.losses.filter((_, i) => !Number.isFinite(losses[i])).map(({ name }) => name);
      const names = culprits.length === 0 ? '' : `, not finite: ${culprits.join(', ')}`;
      const place = `update ${update + 1} of ${calledOf(this.schooling, index)}, batch ${window.first + batch + 1} of epoch ${window.epoch + 1}`;
      return new StepFailure(
        'diverged',
        `training diverged in ${place} (rows ${batches.named(window, batch)}; loss ${loss}${names}): ${why}`,
        'Lower learning_rate, or lengthen warmup.',
      );
    };
    const written: (Rollouts | undefined)[] = [];
    for (const [i, { rows }] of window.batches.entries()) {
      written.push(await this.author?.write(batches.examples, rows, `${index} ${update * accumulate + i}`));
    }
    for (const i of window.batches.keys()) {
      const feeds = batches.feeds(window, i, update, written);
      const { values, gradients } = await runner.gradients(stage.fn, this.parameters, feeds);
      loss += values.loss?.[0] as number;
      losses.forEach((sum, k) => {
        losses[k] = sum + (values[`loss.${k}`]?.[0] as number);
      });
      if (!Number.isFinite(loss)) throw diverged(i, 'the loss is not finite');
      optimizer.add(gradients);
      if (i === 0 && stage.losses.length > 1 && examined(update + 1)) {
        norms = await examine(runner, stage, this.parameters, feeds, Object.keys(trainee.specs));
      }
    }
    try {
      const numbers = numbersOf(stage, update / Math.max(1, batches.total - 1));
      return { loss, losses, named: stage.losses, numbers, norms, gradientNorm: optimizer.apply(rate) };
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      throw diverged(window.batches.length - 1, error.message);
    }
  }
}
