import type { Objective as ObjectiveOptions } from '../options/train.js';
import type { Objective } from './objective.js';
import { attention } from './objectives/attention.js';
import { hardLabel } from './objectives/hard-label.js';
import { hiddenStates } from './objectives/hidden-states.js';
import { softLabel } from './objectives/soft-label.js';

/** Every objective: add a module and a line (and its schema to `schemas/objectives/`). */
const objectives = [hardLabel, softLabel, hiddenStates, attention] as const;

/** The objective that an entry names; the recipe's schema admits no other. */
export function objectiveOf(options: ObjectiveOptions): Objective<ObjectiveOptions> {
  const found = objectives.find((o) => o.type === options.type);
  if (!found) throw new Error(`no objective "${options.type}"`);
  return found as Objective<ObjectiveOptions>;
}
