import { join, resolve } from 'node:path';
import { freeBytes } from '../util/free-bytes.js';
import { absolute, type FinishedById } from './fingerprint.js';
import { groundsOf } from './ground.js';
import { jobInputs } from './inputs.js';
import { LocalStore } from './local-store.js';
import type { Plan, StepInstance } from './plan.js';
import type { Registry } from './registry.js';
import { replaceAt } from './replace-at.js';
import type { AnyStep, Estimate, InputArtifact, StepDefinition } from './step.js';

/**
 * What an instance will take, if its step can tell and what it looks at for that is there.
 * @param root the `.recipe` folder
 * @throws StepFailure for options or inputs that the step cannot do with
 */
export async function estimate(
  plan: Plan,
  instance: StepInstance,
  finished: FinishedById,
  root: string,
  registry: Registry,
): Promise<Estimate | undefined> {
  const step = registry.get(instance.uses) as AnyStep as StepDefinition<unknown>;
  if (step.estimate === undefined) return undefined;
  const grounds = groundsOf(instance, new Map(plan.instances.map((each) => [each.id, each])), finished, registry);
  const bindings = Object.entries(grounds).map(([name, each]) => [name, each.map(({ binding }) => binding)] as const);
  if (!bindings.flatMap(([, each]) => each).every(({ from }) => finished.has(from))) return undefined;
  const store = new LocalStore(join(resolve(root), 'store'));
  const inputs: Record<string, InputArtifact[]> = {};
  for (const [name, artifacts] of Object.entries(
    jobInputs({ ...instance, inputs: Object.fromEntries(bindings) }, finished),
  )) {
    inputs[name] = await Promise.all(
      artifacts.map(async (artifact) => ({
        ...artifact,
        path: artifact.kind === 'measurement' ? '' : ((await store.get(artifact.digest)) as string),
      })),
    );
  }
  const free = await freeBytes(store.root);
  return step.estimate({
    options: replaceAt(instance.options, [
      ...instance.files.map(({ pointer, path }) => ({ pointer, replace: () => absolute(plan, path) })),
      ...instance.packages.map(({ pointer, path }) => ({ pointer, replace: () => path })),
    ]),
    input(name) {
      const [first] = inputs[name] ?? [];
      if (first === undefined) throw new Error(`input "${name}" is not bound`);
      return first;
    },
    optionalInput: (name) => inputs[name]?.[0],
    seed: instance.seed,
    sharedFolder: (name) => store.shared(name),
    account: `${plan.name}/${instance.step}`,
    freeBytes: free,
    expectedRows: (name) => grounds[name]?.[0]?.rows,
  });
}
