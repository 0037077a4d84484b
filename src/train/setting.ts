import { createRunner, type Runner } from '../backend/runner.js';
import type { StepContext } from '../engine/step.js';
import type { Stage, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Beginning } from './beginning.js';
import type { Learnable } from './examples.js';
import type { Lessons } from './lessons.js';
import type { Training } from './loop.js';
import type { Metric } from './validate.js';

/** What the steps that train have in common: from what is learnt, how, and by what it is judged. */
export type Setting = Omit<Training, 'trainee' | 'initial' | 'teachers' | 'resume'>;

/**
 * @param stages as `stagesOf` gives them
 * @param start of the models that learn, which read the same tokens
 */
export async function settingOf(
  ctx: Pick<StepContext<TrainOptions>, 'options' | 'seed'>,
  lessons: Lessons,
  stages: readonly Stage[],
  { tokenizer, config }: Pick<Beginning, 'tokenizer' | 'config'>,
  runner: Runner,
): Promise<Setting> {
  const { options } = ctx;
  const examples = await lessons.examples(tokenizer, config);
  const judges = await lessons.judges(tokenizer, config);
  return {
    stages,
    examples: (stage) => examples[stage] as Learnable,
    validation: (stage) => judges[stage],
    batchSize: options.batch_size,
    accumulate: options.accumulate,
    optimizer: options.optimizer,
    weightDecay: options.weight_decay,
    clipNorm: options.clip_norm,
    seed: ctx.seed,
    runner,
  };
}

export const runnerOf = (ctx: Pick<StepContext<TrainOptions>, 'options' | 'threads'>): Promise<Runner> =>
  createRunner(ctx.options.backend, ctx.threads);

/**
 * The stages, each with the metric that it is judged by.
 * @throws StepFailure if there are none
 */
export function stagesOf({ stages }: TrainOptions, type: string, { task }: Lessons): Stage[] {
  if (stages) return stages.map((stage) => judgedBy(stage, task.metrics[0]));
  throw new StepFailure(
    'no-stages',
    `a ${type} model needs "stages": what to learn from, and for how long`,
    'Add for example stages: [{ objectives: [hard-label] }].',
  );
}

/** A stage whose judge goes by that metric where it names none. */
function judgedBy({ validate, ...stage }: Stage, usual: Metric): Stage {
  return validate ? { ...stage, validate: { ...validate, metric: validate.metric ?? usual } } : stage;
}
