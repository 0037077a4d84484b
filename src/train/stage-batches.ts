import type { HostTensors } from '../backend/runner.js';
import type { LogitsCache } from '../data/logits.js';
import { teacherOf } from '../methods/index.js';
import { batchRows, bucketLength, bucketLengths } from '../models/padding.js';
import type { Stage as StageOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { Random, streamKey } from '../util/random.js';
import { type Batch, extremeBatches, planEpoch } from './batches.js';
import { DropoutMasks } from './dropout.js';
import type { Counts, Learnable } from './examples.js';
import { countsOf, dropoutFeeds, shareFeeds } from './feeds.js';
import type { Schooling } from './lesson.js';
import { countsOfTexts } from './responses.js';
import type { Rollouts } from './rollouts.js';
import type { Stage } from './stage.js';

/** Where a stage says neither epochs nor updates; its schema says so. */
const EPOCHS = 3;

/** What one update learns from. */
export interface Window {
  readonly batches: readonly Batch[];
  /** The first batch's place in its epoch, and which epoch that is, both counted from 0. */
  readonly first: number;
  readonly epoch: number;
}

/** The batches of a stage, in order, and what is fed of each. A function of the training's options and seed alone. */
export class StageBatches {
  /** Where the rows are from; a batch's rows are places in it. */
  readonly examples: Learnable;
  /** Updates of one pass over the rows. */
  readonly perEpoch: number;
  /** Updates of the stage. */
  readonly total: number;
  /** The stage's rows among those of its examples. */
  readonly #rows: readonly number[];
  readonly #lengths: readonly number[];
  readonly #buckets: readonly number[];
  readonly #caches: readonly (LogitsCache | undefined)[];
  /** Of each cache whether it lacks a row. */
  readonly #partial: readonly boolean[];
  readonly #masks = new DropoutMasks();
  readonly #dropoutKey: number;
  #epoch: { readonly number: number; readonly batches: readonly Batch[] } | undefined;

  /** @throws StepFailure `no-rows` when the stage has nothing to learn from */
  constructor(
    private readonly training: Omit<Schooling, 'runner'>,
    private readonly index: number,
    private readonly stage: Stage,
  ) {
    const options = training.stages[index] as StageOptions;
    const examples = training.examples(index);
    const caches = training.teachers.map(({ said }) => said);
    this.#rows = learntRows(training, index, stage);
    this.examples = examples;
    this.#caches = caches;
    this.#partial = caches.map((cache) => cache !== undefined && this.#rows.some((i) => !cache.has(idOf(examples, i))));
    this.#lengths = this.#rows.map((row) => examples.length(row));
    this.#buckets = bucketLengths(training.trainee.maxLength);
    this.perEpoch = Math.ceil(Math.ceil(this.#rows.length / training.batchSize) / training.accumulate);
    this.total = options.updates ?? Math.max(1, Math.round((options.epochs ?? EPOCHS) * this.perEpoch));
    this.#dropoutKey = streamKey(training.seed, `dropout ${index}`);
  }

  /** Those between whose shapes all others are, as they are fed. */
  extremes(): HostTensors[] {
    const found = extremeBatches(this.#lengths, this.training.batchSize, this.#buckets);
    return found.map(({ row, length, size }) =>
      this.#feeds([{ rows: [this.#rows[row] as number], length }], 0, size, 0),
    );
  }

  /** What an update learns from, the first being 0. */
  window(update: number): Window {
    const { accumulate, batchSize, seed } = this.training;
    const number = Math.floor(update / this.perEpoch);
    if (this.#epoch?.number !== number) {
      const batches = planEpoch(this.#lengths, batchSize, this.#buckets, seed, `${this.index} ${number}`);
      this.#epoch = { number, batches };
    }
    const first = (update % this.perEpoch) * accumulate;
    const planned = this.#epoch.batches.slice(first, first + accumulate);
    const batches = planned.map(({ rows, length }) => ({ rows: rows.map((i) => this.#rows[i] as number), length }));
    return { batches, first, epoch: number };
  }

  /**
   * What is fed of one batch of an update.
   * @param written what the student has written for the update's batches, where it has
   */
  feeds({ batches }: Window, batch: number, update: number, written: readonly (Rollouts | undefined)[]): HostTensors {
    const { accumulate, batchSize } = this.training;
    const size = batchRows((batches[batch] as Batch).rows.length, batchSize);
    return this.#feeds(batches, batch, size, update * accumulate + batch, written);
  }

  #feeds(
    batches: readonly Batch[],
    i: number,
    size: number,
    counter: number,
    written: readonly (Rollouts | undefined)[] = [],
  ): HostTensors {
    const { stage, index, training, examples } = this;
    const rollouts = written[i];
    const batch = rollouts ? padded(batches[i] as Batch, rollouts, training.trainee.maxLength) : (batches[i] as Batch);
    const random = (purpose: string): Random => new Random(training.seed, `${purpose} ${index} ${counter}`);
    const progress = Math.floor(counter / training.accumulate) / Math.max(1, this.total - 1);
    return {
      ...examples.batch(batch, size, {
        caches: this.#caches,
        wanted: stage.wanted,
        partial: this.#partial,
        random,
        rollouts,
      }),
      ...dropoutFeeds(
        this.#masks.fill(stage.dropout(size * (examples.texts ?? 1), batch.length), this.#dropoutKey, counter),
      ),
      ...(training.accumulate > 1 &&
        shareFeeds(
          batches.map((each, k) => countsOf(stage.over, (teacher) => this.#counts(each, written[k], teacher))),
          i,
        )),
      ...stage.numbers(progress, rollouts !== undefined),
    };
  }

  /** @param teacher by whose rows is counted, where it knows only some */
  #counts(batch: Batch, written: Rollouts | undefined, teacher: number | undefined): Counts {
    if (written) {
      return countsOfTexts(
        written.texts,
        batch.rows.map((_, at) => at),
      );
    }
    const partial = teacher !== undefined && this.#partial[teacher];
    return this.examples.counts(batch, partial ? this.#caches[teacher] : undefined);
  }

  /** Identifiers of a batch's first rows, for a message. */
  named({ batches }: Window, batch: number): string {
    const ids = (batches[batch] as Batch).rows.slice(0, 3).map((row) => idOf(this.examples, row).slice(0, 12));
    return `${ids.join(', ')}, …`;
  }
}

/**
 * The examples that a stage can learn from: their label is known, or a teacher knows them.
 * @throws StepFailure `no-rows` if there are none
 */
export function learntRows(
  training: Pick<Schooling, 'stages' | 'examples' | 'teachers' | 'called'>,
  index: number,
  stage: Stage,
): number[] {
  const examples = training.examples(index);
  const knows = (id: string) => (teacher: number) => training.teachers[teacher]?.said?.has(id) ?? true;
  const rows = examples.rows.flatMap(({ id }, i) => (stage.applies(examples.labelled(i), knows(id)) ? [i] : []));
  if (rows.length === 0) throw nothingToLearn(index, training);
  return rows;
}

/** A batch as long as what was written for it. */
function padded({ rows }: Batch, { texts }: Rollouts, maxLength: number): Batch {
  const longest = Math.max(...rows.map((_, i) => texts.length(i)));
  return { rows, length: bucketLength(longest, maxLength) };
}

const idOf = (examples: Learnable, i: number): string => (examples.rows[i] as { id: string }).id;

function nothingToLearn(index: number, training: Parameters<typeof learntRows>[0]): StepFailure {
  const { stages, teachers } = training;
  const stage = calledOf(training, index);
  const taught = (stages[index] as StageOptions).objectives.some((entry) => teacherOf(entry) !== undefined);
  if (!taught) return new StepFailure('no-rows', `${stage} learns from labels only, and no training row has one`);
  return new StepFailure(
    'no-rows',
    `${stage} has no training row that its teacher${teachers.length > 1 ? 's know' : ' knows'}`,
    'Run cache-logits over the same data that the student trains on.',
  );
}

/** What a stage is called in messages. */
export const calledOf = ({ called }: Pick<Schooling, 'called'>, stage: number): string =>
  called?.(stage) ?? `stage ${stage + 1}`;
