import type { Objective } from './objective.js';
import { type AttentionOptions, attention } from './objectives/attention.js';
import { type HardLabelOptions, hardLabel } from './objectives/hard-label.js';
import { type HiddenStatesOptions, hiddenStates } from './objectives/hidden-states.js';
import { type SoftLabelOptions, softLabel } from './objectives/soft-label.js';

export type ObjectiveOptions = HardLabelOptions | SoftLabelOptions | HiddenStatesOptions | AttentionOptions;

/** Every objective: add a module and a line (and its schema to `schemas/objectives/`). */
const objectives = [hardLabel, softLabel, hiddenStates, attention] as const;

/** The objective that an entry names; the recipe's schema admits no other. */
export function objectiveOf(options: ObjectiveOptions): Objective<ObjectiveOptions> {
  const found = objectives.find((o) => o.type === options.type);
  if (!found) throw new Error(`no objective "${options.type}"`);
  return found as Objective<ObjectiveOptions>;
}
