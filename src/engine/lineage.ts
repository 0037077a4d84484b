import type { FinishedById } from './fingerprint.js';
import type { Plan, StepInstance } from './plan.js';
import type { Ancestor } from './step.js';

/** What an instance's inputs were made of: every instance that they come from, each after its own inputs. */
export function lineageOf(plan: Plan, instance: StepInstance, finished: FinishedById): Ancestor[] {
  const instances = new Map(plan.instances.map((each) => [each.id, each]));
  const found = new Map<string, Ancestor>();
  const visit = (id: string): void => {
    const done = finished.get(id);
    if (done === undefined || found.has(id)) return;
    const own = instances.get(id) as StepInstance;
    for (const from of sourcesOf(own)) visit(from);
    const { step: uses, version, options, seed, packages } = done.parts;
    const inputs = Object.fromEntries(
      Object.entries(own.inputs).map(([name, bindings]) => [
        name,
        bindings.map(({ from }) => from).filter((from) => finished.has(from)),
      ]),
    );
    found.set(id, { step: id, uses, version, fingerprint: done.fingerprint, options, inputs, seed, packages });
  };
  for (const from of sourcesOf(instance)) visit(from);
  return [...found.values()];
}

const sourcesOf = ({ inputs }: StepInstance): string[] =>
  Object.values(inputs)
    .flat()
    .map(({ from }) => from);
