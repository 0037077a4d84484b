import type { Runner } from '../backend/runner.js';
import type { LogitsCache } from '../data/logits.js';
import type { Fit } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { initialize, type Parameters } from '../models/initialize.js';
import { zeroed } from '../models/layers.js';
import type { Stage as StageOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { streamKey } from '../util/random.js';
import { type Batch, planEpoch } from './batches.js';
import { DropoutMasks } from './dropout.js';
import type { Examples } from './examples.js';
import { ADAMW, AdamW, NotFiniteError } from './optimizer.js';
import type { Position, SavedState } from './saved-state.js';
import { rateFactor } from './schedule.js';
import { buildStage, dropoutFeeds, type Stage } from './stage.js';

/** Where a stage says neither epochs nor updates; its schema says so. */
const EPOCHS = 3;

export interface Training {
  readonly config: TransformerConfig;
  readonly stages: readonly StageOptions[];
  readonly examples: Examples;
  readonly cache: LogitsCache | undefined;
  /** Teacher and student side by side; undefined without a teacher. */
  readonly fit: Fit | undefined;
  readonly batchSize: number;
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
  readonly position: Position;
  readonly optimizer: AdamW;
}) => Promise<void>;

/**
 * Trains a model through its stages. Each stage has an optimiser of its own, as TinyBERT's separate runs do.
 *
 * @returns the model's parameters
 * @throws StepFailure `diverged` when a gradient is not finite, `no-rows` when a stage has nothing to learn from
 */
export async function train(training: Training, after: AfterUpdate): Promise<Parameters> {
  const { config, seed, resume, weightDecay, clipNorm } = training;
  const model = architectureOf(config).parameters(config);
  let parameters = initialize(model, seed);
  const stages = training.stages.map((options, i) => buildStage(config, options, training.fit, `stage ${i}`));
  for (let i = resume?.position.stage ?? 0; i < stages.length; i++) {
    const { specs } = stages[i] as Stage;
    const initial = { ...parameters, ...initialize(specs, seed) };
    const optimizer = new AdamW(initial, { ...model, ...specs }, { ...ADAMW, weightDecay, clipNorm });
    const resumed = i === resume?.position.stage;
    if (resumed) resume.restore(optimizer);
    await runStage(training, i, stages[i] as Stage, optimizer, resumed ? resume.position.update : 0, after);
    parameters = Object.fromEntries(
      Object.keys(model).map((name) => [name, optimizer.parameters[name] as Parameters[string]]),
    );
  }
  return parameters;
}

async function runStage(
  training: Training,
  index: number,
  stage: Stage,
  optimizer: AdamW,
  from: number,
  after: AfterUpdate,
): Promise<void> {
  const { examples, batchSize, config, seed, runner, cache } = training;
  const options = training.stages[index] as StageOptions;
  const rows = examples.rows.flatMap((row, i) => (stage.labelledOnly && row.label === null ? [] : [i]));
  if (rows.length === 0) {
    throw new StepFailure('no-rows', `stage ${index + 1} learns from labels only, and no training row has one`);
  }
  const perEpoch = Math.ceil(rows.length / batchSize);
  const total = options.updates ?? Math.max(1, Math.round((options.epochs ?? EPOCHS) * perEpoch));
  const lengths = rows.map((r) => examples.length(r));
  const masks = new DropoutMasks();
  const key = streamKey(seed, `dropout ${index}`);
  let epoch: { number: number; batches: Batch[] } | undefined;

  for (let update = from; update < total; update++) {
    const number = Math.floor(update / perEpoch);
    if (epoch?.number !== number) {
      epoch = { number, batches: planEpoch(lengths, batchSize, config.maxLength, seed, `${index} ${number}`) };
    }
    const planned = epoch.batches[update % perEpoch] as Batch;
    const batch = { rows: planned.rows.map((i) => rows[i] as number), length: planned.length };
    const feeds = {
      ...examples.batch(batch, batchSize, cache, stage.wanted),
      ...dropoutFeeds(masks.fill(stage.dropoutSites(batchSize, batch.length), zeroed(config.dropout), key, update)),
    };
    const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, feeds);
    const loss = values.loss?.[0] as number;
    const rate = options.learning_rate * rateFactor(options.schedule, update, total, options.warmup);
    try {
      optimizer.update(gradients, rate);
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      throw new StepFailure(
        'diverged',
        `training diverged in update ${update + 1} of stage ${index + 1} (loss ${loss}${culprits(options, values)}): ${error.message}`,
        'Lower learning_rate, or lengthen warmup.',
      );
    }
    await after({
      stage: index,
      done: update + 1,
      total,
      loss,
      position: { stage: index, update: update + 1 },
      optimizer,
    });
  }
}

/** The objectives whose loss is no number, for an error's text: `, not finite: attention`. */
function culprits({ objectives }: StageOptions, values: Readonly<Record<string, Float32Array>>): string {
  const found = objectives.filter((_, i) => !Number.isFinite(values[`loss.${i}`]?.[0]));
  return found.length === 0 ? '' : `, not finite: ${found.map((entry) => entry.type).join(', ')}`;
}
