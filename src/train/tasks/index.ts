import type { DatasetInfo } from '../../data/dataset.js';
import type { Stage, TrainOptions } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { classification } from './classification.js';
import { generationOf } from './generation.js';
import { maskedLanguageModel } from './masked-language-model.js';
import { matching } from './matching.js';
import { multiLabel } from './multi-label.js';
import { pairClassification } from './pair-classification.js';
import { regression } from './regression.js';
import { tagging } from './tagging.js';
import type { Task, TaskContext } from './task.js';

export type { Task } from './task.js';

/** Every task: add a module and a line (and its name to `schemas/steps/train.schema.json`, its objectives to `methods`). */
const TASKS: Readonly<Record<TrainOptions['task'], (info: DatasetInfo, ctx: TaskContext) => Task>> = {
  classification,
  'pair-classification': pairClassification,
  matching,
  tagging,
  'multi-label': multiLabel,
  regression,
  'masked-language-model': (_, ctx) => maskedLanguageModel(ctx),
  generation: (_, ctx) => generationOf(ctx),
};

/**
 * The task that the options name.
 * @param stage what it says goes before what the options say
 * @throws StepFailure for options of another task, or data that it cannot be learnt from
 */
export function taskOf(ctx: TaskContext, info: DatasetInfo, stage: Pick<Stage, 'prompt' | 'learn_from'> = {}): Task {
  const options = asked(ctx.options, stage);
  const { task, prompt, learn_from: from } = options;
  if (task !== 'generation') {
    for (const [name, value] of Object.entries({ prompt, learn_from: from })) {
      if (value === undefined) continue;
      const hint = 'Leave it out, or set task: generation.';
      throw new StepFailure('not-used', `task "${task}" takes no "${name}": it is for what a model writes`, hint);
    }
  }
  return TASKS[task](info, { ...ctx, options });
}

/** The options as a stage of a model that writes has them: a prompt of all stages is none of one that learns texts. */
function asked(options: TrainOptions, stage: Pick<Stage, 'prompt' | 'learn_from'>): TrainOptions {
  const { prompt, learn_from: from, ...rest } = options;
  const own = stage.prompt ?? (stage.learn_from === 'text' ? undefined : prompt);
  const lesson = stage.learn_from ?? from;
  return { ...rest, ...(own !== undefined && { prompt: own }), ...(lesson !== undefined && { learn_from: lesson }) };
}
