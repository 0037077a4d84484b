import type { RecipeDocument } from './document.js';
import type { Issue } from './issue.js';
import { topologicalOrder } from './order.js';
import type { PlannedRecipeStep } from './plan-step.js';
import { child } from './pointer.js';
import type { Registry } from './registry.js';
import type { AnyStep, PlacedClaim, StepDefinition } from './step.js';
import { quote } from './words.js';

type Steps = ReadonlyMap<string, PlannedRecipeStep>;

/**
 * Carries every step's claims along its outputs and asks each step which of them it may not go against. What the recipe
 * acknowledges is not asked about.
 *
 * @returns by step, the claims on what it takes and on what it makes
 */
export function followClaims(
  steps: Steps,
  registry: Registry,
  acknowledged: ReadonlyMap<string, string>,
  document: RecipeDocument,
  report: (issue: Issue) => void,
): ReadonlyMap<string, readonly PlacedClaim[]> {
  const known = new Map<string, readonly PlacedClaim[]>();
  for (const id of topologicalOrder(new Map([...steps].map(([name, { needs }]) => [name, needs])))) {
    const planned = steps.get(id) as PlannedRecipeStep;
    const type = registry.get(planned.step.uses as string) as AnyStep as StepDefinition<unknown>;
    const sources = new Set([...planned.inputs.values()].flat().map(({ step }) => step));
    const taken = distinct([...sources].flatMap((source) => known.get(source) ?? []));
    const { id: name } = planned.step;
    const reason = acknowledged.get(name);
    const own: PlacedClaim[] = [];
    for (const { enabled, options } of planned.drafts) {
      if (!enabled) continue;
      refusals(planned, type, options, taken, steps, document).forEach(report);
      for (const claim of type.claims?.(options) ?? []) {
        own.push({ ...claim, step: name, ...(reason === undefined ? {} : { acknowledged: reason }) });
      }
    }
    known.set(id, distinct([...taken, ...own]));
  }
  return known;
}

function refusals(
  { step }: PlannedRecipeStep,
  type: StepDefinition<unknown>,
  options: unknown,
  taken: readonly PlacedClaim[],
  steps: Steps,
  document: RecipeDocument,
): Issue[] {
  const open = taken.filter(({ acknowledged }) => acknowledged === undefined);
  return (type.refuses?.(options, open) ?? []).map(({ claim, pointer, message, hint }) => {
    const source = open.find((placed) => placed === claim) as PlacedClaim;
    const { step: claiming } = [...steps.values()].find((each) => each.step.id === source.step) as PlannedRecipeStep;
    const at = document.locate({ pointer: child(claiming.pointer, 'with') + source.pointer, at: 'value' });
    const place = `${document.source.file}:${at.line}:${at.column}`;
    return {
      code: 'not-permitted',
      message: `${message} (step ${quote(source.step)}, ${place})`,
      hint: `${hint}; or, if you may all the same, say why at the top of the recipe: acknowledge: {${source.step}: "…"}`,
      ...(pointer === ''
        ? { pointer: step.pointer, at: 'key' as const }
        : { pointer: child(step.pointer, 'with') + pointer, at: 'value' as const }),
    };
  });
}

function distinct(claims: readonly PlacedClaim[]): PlacedClaim[] {
  return [...new Map(claims.map((claim) => [JSON.stringify(claim), claim])).values()];
}
