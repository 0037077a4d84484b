import type { Head } from '../models/architecture.js';
import type { Objective as ObjectiveOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Objective } from './objective.js';
import { attention } from './objectives/attention.js';
import { hardLabel } from './objectives/hard-label.js';
import { hardResponse } from './objectives/hard-response.js';
import { hiddenStates } from './objectives/hidden-states.js';
import { maskedLm } from './objectives/masked-lm.js';
import { softLabel } from './objectives/soft-label.js';
import { softResponse } from './objectives/soft-response.js';

/** Every objective, by the task: add a module and a line (and its schema to `schemas/objectives/`). */
const objectives = {
  classification: [hardLabel, softLabel, hiddenStates, attention],
  generation: [hardResponse, softResponse],
  'masked-language-model': [maskedLm, softResponse, hiddenStates, attention],
} as const;

/** The task, as a recipe names it, of a model with that head. */
export const taskOf = (head: Head): keyof typeof objectives =>
  head === 'language-model' ? 'generation' : head === 'masked-language-model' ? head : 'classification';

/** Which teacher an entry learns from, the first being 0; undefined if it learns from none. */
export const teacherOf = (options: ObjectiveOptions): number | undefined =>
  'teacher' in options ? options.teacher - 1 : undefined;

/**
 * The objective that an entry names.
 * @param head what the model is trained with
 * @throws StepFailure `task` if the objective makes no sense for it
 */
export function objectiveOf(options: ObjectiveOptions, head: Head): Objective<ObjectiveOptions> {
  const task = taskOf(head);
  const found = objectives[task].find((o) => o.type === options.type);
  if (found) return found as Objective<ObjectiveOptions>;
  const known = objectives[task].map(({ type }) => type).join(', ');
  throw new StepFailure(
    'task',
    `objective "${options.type}" makes no sense for task "${task}"`,
    `A ${task} model learns by ${known}.`,
  );
}
