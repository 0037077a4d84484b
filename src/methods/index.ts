import type { Head } from '../models/architecture.js';
import type { Objective as ObjectiveOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Objective } from './objective.js';
import { attention } from './objectives/attention.js';
import { contrastive } from './objectives/contrastive.js';
import { embeddings } from './objectives/embeddings.js';
import { hardLabel } from './objectives/hard-label.js';
import { hardResponse } from './objectives/hard-response.js';
import { hiddenStates } from './objectives/hidden-states.js';
import { softLabel } from './objectives/soft-label.js';
import { softResponse } from './objectives/soft-response.js';
import { valueRelation } from './objectives/value-relation.js';

/** Every objective, by the task: add a module and a line (and its schema to `schemas/objectives/`). */
const objectives = {
  classification: [hardLabel, softLabel, hiddenStates, attention, embeddings, valueRelation, contrastive],
  generation: [hardResponse, softResponse],
} as const;

/** Which teacher an entry learns from, the first being 0; undefined if it learns from none. */
export const teacherOf = (options: ObjectiveOptions): number | undefined =>
  'teacher' in options ? options.teacher - 1 : undefined;

/**
 * The objective that an entry names.
 * @param head what the model is trained with
 * @throws StepFailure `task` if the objective makes no sense for it
 */
export function objectiveOf(options: ObjectiveOptions, head: Head): Objective<ObjectiveOptions> {
  const task = head === 'language-model' ? 'generation' : 'classification';
  const found = objectives[task].find((o) => o.type === options.type);
  if (found) return found as Objective<ObjectiveOptions>;
  const known = objectives[task].map(({ type }) => type).join(', ');
  throw new StepFailure(
    'task',
    `objective "${options.type}" makes no sense for task "${task}"`,
    `A ${task} model learns by ${known}.`,
  );
}
