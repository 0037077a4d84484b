import type { OutputRef } from './event.js';
import { readEvents } from './journal.js';

/** What a step instance of a run has made. */
export interface MadeBy {
  /** The type of the step: `train`, `evaluate`, … */
  readonly uses: string;
  readonly outputs: Readonly<Record<string, OutputRef>>;
}

/** What the steps of a run have made so far, by instance id, in the order in which they finished last. */
export async function outputsOfRun(root: string, run: string): Promise<Map<string, MadeBy>> {
  const uses = new Map<string, string>();
  const made = new Map<string, MadeBy>();
  for (const event of await readEvents(root, run)) {
    if (event.type === 'run-started') for (const step of event.steps) uses.set(step.id, step.uses);
    if (event.type !== 'step-finished') continue;
    made.delete(event.step);
    made.set(event.step, { uses: uses.get(event.step) ?? '', outputs: event.outputs });
  }
  return made;
}
