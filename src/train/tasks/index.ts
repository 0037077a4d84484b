import type { DatasetInfo } from '../../data/dataset.js';
import type { TrainOptions } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { classification } from './classification.js';
import { generationOf } from './generation.js';
import { matching } from './matching.js';
import { pairClassification } from './pair-classification.js';
import { tagging } from './tagging.js';
import type { Task, TaskContext } from './task.js';

export type { Task } from './task.js';

/** Every task: add a module and a line (and its name to `schemas/steps/train.schema.json`, its objectives to `methods`). */
const TASKS: Readonly<Record<TrainOptions['task'], (info: DatasetInfo, ctx: TaskContext) => Task>> = {
  classification,
  'pair-classification': pairClassification,
  matching,
  tagging,
  generation: (_, ctx) => generationOf(ctx),
};

/**
 * The task that the options name.
 * @throws StepFailure for options of another task, or data that it cannot be learnt from
 */
export function taskOf(ctx: TaskContext, info: DatasetInfo): Task {
  const { task, prompt, learn_from: from } = ctx.options;
  if (task !== 'generation') {
    for (const [name, value] of Object.entries({ prompt, learn_from: from })) {
      if (value === undefined) continue;
      const hint = 'Leave it out, or set task: generation.';
      throw new StepFailure('not-used', `task "${task}" takes no "${name}": it is for what a model writes`, hint);
    }
  }
  return TASKS[task](info, ctx);
}
