import { join, resolve } from 'node:path';
import { hasCheckpoints } from './checkpoints.js';
import type { Why } from './event.js';
import { ExternalFiles } from './external.js';
import { type Finished, type FinishedById, fingerprintOf, partsOf } from './fingerprint.js';
import { blockedBy, requiredOutputs } from './inputs.js';
import { latestRun, readEvents } from './journal.js';
import { LocalStore } from './local-store.js';
import type { Plan } from './plan.js';
import type { Registry } from './registry.js';
import { Results } from './results.js';
import { StepFailure } from './step.js';

/** How things stand with one instance, without running anything. */
export type InstanceState =
  /** A run would take it from the store. */
  | { readonly state: 'done' }
  /** It finished before, with something else; or it always runs anew. */
  | { readonly state: 'stale'; readonly why: Why }
  | { readonly state: 'new' }
  /** An earlier attempt left checkpoints; a run goes on from there. */
  | { readonly state: 'partial' }
  /** As it is now, it failed in the last run; or it cannot start, since an external file is missing. */
  | { readonly state: 'failed'; readonly reason: string; readonly message: string }
  /** Left out; `because` names the step that it misses, if the condition is not its own. */
  | { readonly state: 'disabled'; readonly because?: string }
  /** These are not done; only then can be known whether it must run. */
  | { readonly state: 'waiting'; readonly on: readonly string[] };

/** One instance of a plan and its state. */
export type InstanceStatus = { readonly id: string } & InstanceState;

/** The state of every instance of a plan and why, in the plan's order. */
export async function explainStatus(plan: Plan, root: string, registry: Registry): Promise<readonly InstanceStatus[]> {
  return (await explain(plan, root, registry)).statuses;
}

/** The same, and what is known of the instances that are done. */
export async function explain(
  plan: Plan,
  root: string,
  registry: Registry,
): Promise<{ readonly statuses: readonly InstanceStatus[]; readonly finished: FinishedById }> {
  const store = new LocalStore(join(resolve(root), 'store'));
  const results = new Results(store);
  const files = new ExternalFiles(store);
  const required = requiredOutputs(plan);
  const failures = await lastFailures(root, plan);
  const finished = new Map<string, Finished>();
  const absent = new Set<string>();
  const statuses: InstanceStatus[] = [];

  for (const instance of plan.instances) {
    const { id } = instance;
    const step = registry.get(instance.uses);
    if (step === undefined) throw new Error(`there is no step "${instance.uses}"`);
    const missing = blockedBy(instance, step, absent);
    if (!instance.enabled || missing !== undefined) {
      absent.add(id);
      statuses.push({ id, state: 'disabled', ...(instance.enabled && missing ? { because: missing } : {}) });
      continue;
    }
    const on = instance.needs.filter((need) => !finished.has(need) && !absent.has(need));
    if (on.length > 0) {
      statuses.push({ id, state: 'waiting', on });
      continue;
    }
    try {
      const parts = await partsOf(plan, instance, step, finished, files);
      const fingerprint = fingerprintOf(parts);
      const lookup = await results.find(fingerprint, required.get(id) ?? []);
      const failed = failures.get(id);
      if (lookup.state === 'found' && instance.cache) {
        finished.set(id, { fingerprint, parts, outputs: lookup.result.outputs });
        statuses.push({ id, state: 'done' });
      } else if (failed?.fingerprint === fingerprint) {
        statuses.push({ id, state: 'failed', reason: failed.reason, message: failed.message });
      } else if (await hasCheckpoints(store, fingerprint)) {
        statuses.push({ id, state: 'partial' });
      } else if (lookup.state === 'found') {
        statuses.push({ id, state: 'stale', why: { reason: 'uncached' } });
      } else {
        const why = await results.whyMissing(plan.name, id, parts, lookup);
        statuses.push(why.reason === 'new' ? { id, state: 'new' } : { id, state: 'stale', why });
      }
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      statuses.push({ id, state: 'failed', reason: error.reason, message: error.message });
    }
  }
  return { statuses, finished };
}

interface LastFailure {
  readonly fingerprint: string;
  readonly reason: string;
  readonly message: string;
}

/** Instances that ended in failure in the newest run, if that was of this recipe. */
async function lastFailures(root: string, plan: Plan): Promise<Map<string, LastFailure>> {
  const failures = new Map<string, LastFailure>();
  const run = await latestRun(root);
  if (run === undefined || run.recipe !== plan.file) return failures;
  const started = new Map<string, string>();
  for (const event of await readEvents(root, run.id)) {
    if (event.type === 'step-started') {
      started.set(event.step, event.fingerprint);
      failures.delete(event.step);
    } else if (event.type === 'step-finished') failures.delete(event.step);
    else if (event.type === 'step-failed' && !event.willRetry) {
      const { reason, message } = event;
      failures.set(event.step, { fingerprint: started.get(event.step) ?? '', reason, message });
    }
  }
  return failures;
}
