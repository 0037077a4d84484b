import type { Job } from './executor.js';
import type { FinishedById } from './fingerprint.js';
import { inputSpec, outputOf } from './fingerprint.js';
import type { Plan, StepInstance } from './plan.js';
import type { AnyStep } from './step.js';

/**
 * The instance without which this one cannot run, if its needs in `absent` (disabled, or left out because something
 * they need is disabled) are more than it can spare: an optional input may stay empty, a list needs one that is left. What is in an
 * option's items goes by its number, so none of it can be spared.
 */
export function blockedBy(
  instance: StepInstance,
  step: AnyStep,
  absent: { has(id: string): boolean },
): string | undefined {
  for (const [name, bindings] of Object.entries(instance.inputs)) {
    const gone = bindings.find(({ from }) => absent.has(from));
    if (gone === undefined) continue;
    const { optional, list, within } = inputSpec(step, name);
    const left = bindings.some(({ from }) => !absent.has(from));
    if (within !== undefined || !(optional || (list && left))) return gone.from;
  }
  return undefined;
}

/** Outputs of each instance that something in the recipe refers to. */
export function requiredOutputs(plan: Plan): ReadonlyMap<string, readonly string[]> {
  const required = new Map<string, Set<string>>(plan.instances.map(({ id }) => [id, new Set()]));
  const users = plan.instances.filter(({ enabled }) => enabled).flatMap(({ inputs }) => Object.values(inputs));
  for (const { from, output } of [...users, ...Object.values(plan.outputs)].flat()) required.get(from)?.add(output);
  return new Map([...required].map(([id, names]) => [id, [...names].sort()]));
}

/** The artifacts bound to an instance's inputs. Of a measurement, `digest` is its producer's fingerprint. */
export function jobInputs(instance: StepInstance, finished: FinishedById): Job['inputs'] {
  const inputs: Record<string, Job['inputs'][string][number][]> = {};
  for (const [name, bindings] of Object.entries(instance.inputs)) {
    const present: Job['inputs'][string][number][] = [];
    for (const { from, output } of bindings) {
      const producer = finished.get(from);
      if (producer === undefined) continue;
      const ref = outputOf(producer, from, output);
      if ('value' in ref) present.push({ kind: ref.kind, digest: producer.fingerprint, from, value: ref.value });
      else present.push({ kind: ref.kind, digest: ref.digest, from });
    }
    inputs[name] = present;
  }
  return inputs;
}
