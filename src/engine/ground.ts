import type { Binding, StepInstance } from './plan.js';
import type { Registry } from './registry.js';
import type { AnyStep, StepDefinition } from './step.js';

/** What an estimate stands on: an artifact, and how many rows are expected if it only stands in for another. */
export interface Ground {
  readonly binding: Binding;
  readonly rows?: number;
}

/**
 * What an estimate looks at of each input that it needs: what the input is bound to, or, where that is not made yet, what
 * it will resemble, as far back as steps say so.
 */
export function groundsOf(
  instance: StepInstance,
  instances: ReadonlyMap<string, StepInstance>,
  made: { has(id: string): boolean },
  registry: Registry,
): Readonly<Record<string, readonly Ground[]>> {
  const definition = (uses: string) => registry.get(uses) as AnyStep as StepDefinition<unknown>;
  const ground = (binding: Binding, rows?: number): Ground => {
    const maker = made.has(binding.from) ? undefined : instances.get(binding.from);
    const like = maker && definition(maker.uses).resembles?.(maker.options)[binding.output];
    const [before] = (like && maker?.inputs[like.input]) ?? [];
    const least = Math.min(rows ?? Infinity, like?.rows ?? Infinity);
    if (before) return ground(before, Number.isFinite(least) ? least : undefined);
    return { binding, ...(rows !== undefined && { rows }) };
  };
  const names = definition(instance.uses).estimatesFrom?.(instance.options) ?? Object.keys(instance.inputs);
  return Object.fromEntries(
    names.map((name) => [name, (instance.inputs[name] ?? []).map((binding) => ground(binding))]),
  );
}
