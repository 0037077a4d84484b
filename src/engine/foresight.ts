import type { Json } from '../util/json.js';
import type { Issue } from './issue.js';
import { topologicalOrder } from './order.js';
import type { PlannedRecipeStep } from './plan-step.js';
import { child } from './pointer.js';
import type { Registry } from './registry.js';
import type { AnyStep, Foreseen, StepDefinition } from './step.js';

/**
 * Carries what is known of outputs before anything runs to the steps that take them, instance by instance, and reports
 * options that do not fit it: what would else be found when what it takes was made for hours.
 *
 * @param folder the recipe's
 */
export async function reportMisfits(
  steps: ReadonlyMap<string, PlannedRecipeStep>,
  registry: Registry,
  folder: string,
  report: (issue: Issue) => void,
): Promise<void> {
  /** By instance, of each output. */
  const foreseen = new Map<string, Readonly<Record<string, Json>>>();
  for (const id of topologicalOrder(new Map([...steps].map(([name, { needs }]) => [name, needs])))) {
    const { step, inputs, drafts } = steps.get(id) as PlannedRecipeStep;
    const type = registry.get(step.uses as string) as AnyStep as StepDefinition<unknown>;
    const known: Foreseen = (input) =>
      (inputs.get(input) ?? []).flatMap((use) =>
        (steps.get(use.step)?.drafts ?? []).map((draft) => foreseen.get(draft.id)?.[use.output]),
      );
    for (const draft of drafts) {
      foreseen.set(draft.id, (await type.foresees?.(draft.options, known, folder)) ?? {});
      const misfits = draft.enabled ? ((await type.misfits?.(draft.options, known)) ?? []) : [];
      for (const { pointer, ...words } of misfits) {
        report({ code: 'misfit', ...words, pointer: child(step.pointer, 'with') + pointer, at: 'value' });
      }
    }
  }
}
