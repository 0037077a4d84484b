import type { OutputUse } from './bind.js';
import type { Issue } from './issue.js';
import type { PlannedRecipeStep } from './plan-step.js';
import type { Registry } from './registry.js';
import { referenceIssue } from './resolve.js';
import type { AnyStep, StepDefinition } from './step.js';
import { didYouMean } from './suggest.js';
import { enumerate, quote } from './words.js';

/** Reports uses of outputs that the producing step, with its options, does not have. */
export function checkProduced(
  uses: readonly OutputUse[],
  steps: ReadonlyMap<string, PlannedRecipeStep>,
  registry: Registry,
  report: (issue: Issue) => void,
): void {
  for (const use of uses) {
    const { step, drafts } = steps.get(use.step) as PlannedRecipeStep;
    const type = registry.get(step.uses as string) as AnyStep as StepDefinition<unknown>;
    for (const { options, enabled } of drafts) {
      const names = enabled ? type.produces?.(options) : undefined;
      if (names === undefined || names.includes(use.output)) continue;
      const message = `step ${quote(step.id)} (${type.name}) has no output ${quote(use.output)} with these options`;
      report({
        ...referenceIssue('unknown-output', use.part, use.pointer, message),
        hint: didYouMean(use.output, names) ?? `It has ${enumerate(names.map(quote))}`,
      });
      break;
    }
  }
}
