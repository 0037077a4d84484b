import { runAttempts } from './attempt.js';
import { dropCheckpoints, hasCheckpoints } from './checkpoints.js';
import type { RunControl } from './control.js';
import type { EventBody, Why } from './event.js';
import type { Executor, Job } from './executor.js';
import { ExternalFiles } from './external.js';
import { absolute, type Finished, fingerprintOf, type Parts, partsOf } from './fingerprint.js';
import { blockedBy, jobInputs, requiredOutputs } from './inputs.js';
import { lineageOf } from './lineage.js';
import { placeOf } from './place.js';
import type { Plan, StepInstance } from './plan.js';
import type { Registry } from './registry.js';
import { replaceAt } from './replace-at.js';
import { Results, type StepResult } from './results.js';
import type { Ended, Prepared, Work } from './scheduler.js';
import { type AnyStep, DAMAGED_INPUT, type Lane, StepFailure, type Table } from './step.js';
import type { Store } from './store.js';

export interface StepRunnerOptions {
  readonly plan: Plan;
  readonly registry: Registry;
  readonly store: Store;
  readonly executor: Executor;
  readonly control: RunControl;
  readonly emit: (event: EventBody) => void;
  readonly run: string;
  readonly resumed: boolean;
  readonly threads: number;
}

/** Looks up or makes the result of each instance, when the scheduler says so. */
export class StepRunner implements Work {
  /** Instances that ended well. */
  readonly finished = new Map<string, Finished>();
  private readonly results: Results;
  private readonly files: ExternalFiles;
  private readonly required: ReadonlyMap<string, readonly string[]>;
  /** Steps under way by fingerprint: two alike are done once. */
  private readonly underWay = new Map<string, Promise<unknown>>();

  constructor(private readonly options: StepRunnerOptions) {
    this.results = new Results(options.store);
    this.files = new ExternalFiles(options.store);
    this.required = requiredOutputs(options.plan);
  }

  lane(instance: StepInstance): Lane {
    return this.step(instance).lane;
  }

  blockedBy(instance: StepInstance, absent: { has(id: string): boolean }): string | undefined {
    return blockedBy(instance, this.step(instance), absent);
  }

  skipped(instance: StepInstance, reason: 'condition' | 'upstream', because?: string): void {
    const { emit } = this.options;
    emit({ type: 'step-skipped', step: instance.id, reason, ...(because === undefined ? {} : { because }) });
  }

  stopping(): boolean {
    return this.options.control.stopping;
  }

  async prepare(instance: StepInstance): Promise<Prepared> {
    const { plan, emit } = this.options;
    let parts: Parts;
    try {
      parts = await partsOf(plan, instance, this.step(instance), this.finished, this.files);
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      const { reason, message, hint } = error;
      const more = hint === undefined ? {} : { hint };
      const { id: step, place } = instance;
      emit({ type: 'step-failed', step, attempt: 1, reason, message, ...more, place, willRetry: false });
      return 'failed';
    }
    const fingerprint = fingerprintOf(parts);
    const twin = this.underWay.get(fingerprint);
    if (twin) return { after: twin };
    let resolve = (): void => {};
    this.underWay.set(fingerprint, new Promise<void>((settle) => (resolve = settle)));
    const settle = (): void => {
      this.underWay.delete(fingerprint);
      resolve();
    };
    const why = await this.lookUp(instance, fingerprint, parts);
    if (why.reason === 'up-to-date') {
      settle();
      return 'done';
    }
    return async () => {
      try {
        return this.stopping() ? 'pending' : await this.execute(instance, fingerprint, parts, why);
      } finally {
        settle();
      }
    };
  }

  /** Takes an instance's result from the store if it may; says why it must run if not. */
  private async lookUp(instance: StepInstance, fingerprint: string, parts: Parts): Promise<Why> {
    const { plan, store, run, resumed, emit } = this.options;
    const lookup = await this.results.find(fingerprint, this.requiredOf(instance));
    if (lookup.state === 'found' && (instance.cache || lookup.result.run === run)) {
      const { outputs, tables, seconds, peakMemory } = lookup.result;
      await this.results.setLatest(plan.name, instance.id, fingerprint);
      // A kill may have come between the result and this.
      await dropCheckpoints(store, fingerprint);
      this.finished.set(instance.id, { fingerprint, parts, outputs });
      for (const table of tables) emit({ type: 'step-table', step: instance.id, table });
      emit({ type: 'step-finished', step: instance.id, fingerprint, outputs, cached: true, seconds, peakMemory });
      return { reason: 'up-to-date' };
    }
    if (!instance.cache) {
      // What another run began is not used either.
      if (!resumed) await dropCheckpoints(store, fingerprint);
      return { reason: 'uncached' };
    }
    return this.results.whyMissing(plan.name, instance.id, parts, lookup);
  }

  private async execute(instance: StepInstance, fingerprint: string, parts: Parts, why: Why): Promise<Ended> {
    const { plan, store, executor, control, emit, run } = this.options;
    const tables: Table[] = [];
    let since = 0;
    const job = this.job(instance, fingerprint);
    const outcome = await runAttempts(job, {
      executor,
      control,
      retry: instance.retry,
      timeoutMs: instance.timeoutMs,
      locate: (pointer) => (pointer === undefined ? instance.place : placeOf(plan, instance, pointer)),
      started: async (attempt) => {
        tables.length = 0;
        since = performance.now();
        const because: Why = (await hasCheckpoints(store, fingerprint)) ? { reason: 'resume' } : why;
        emit({ type: 'step-started', step: instance.id, attempt, fingerprint, why: because });
      },
      emit: (event) => {
        if (event.type === 'step-table') tables.push(event.table);
        emit(event);
      },
    });
    if (outcome.status === 'failed') {
      if (outcome.reason === DAMAGED_INPUT) await this.removeDamaged(job);
      return 'failed';
    }
    if (outcome.status === 'interrupted') {
      emit({ type: 'step-interrupted', step: instance.id });
      return 'interrupted';
    }
    const { outputs, peakMemory } = outcome;
    const seconds = (performance.now() - since) / 1000;
    const result: StepResult = { outputs, tables, parts, seconds, peakMemory, run };
    await this.results.record(fingerprint, result);
    await this.results.setLatest(plan.name, instance.id, fingerprint);
    // Only now: until the result is recorded, a kill must find the checkpoints.
    await dropCheckpoints(store, fingerprint);
    this.finished.set(instance.id, { fingerprint, parts, outputs });
    emit({ type: 'step-finished', step: instance.id, fingerprint, outputs, cached: false, seconds, peakMemory });
    return 'done';
  }

  /** Removes those of a job's inputs that are not what they were, so that the next run makes them anew. */
  private async removeDamaged({ instance, inputs }: Job): Promise<void> {
    const { store, emit } = this.options;
    for (const { kind, digest, from } of Object.values(inputs).flat()) {
      if (kind === 'measurement' || (await store.check(digest))) continue;
      await store.remove(digest);
      const message = `what it took from "${from}" was damaged and is removed; the next run makes it anew`;
      emit({ type: 'step-log', step: instance, level: 'warning', message });
    }
  }

  private job(instance: StepInstance, fingerprint: string): Job {
    const { plan, threads } = this.options;
    const step = this.step(instance);
    return {
      instance: instance.id,
      uses: instance.uses,
      version: step.version,
      fingerprint,
      options: replaceAt(instance.options, [
        ...instance.files.map(({ pointer, path }) => ({ pointer, replace: () => absolute(plan, path) })),
        ...instance.packages.map(({ pointer, path }) => ({ pointer, replace: () => path })),
      ]),
      inputs: jobInputs(instance, this.finished),
      required: this.requiredOf(instance),
      seed: instance.seed,
      threads,
      environment: instance.environment,
      secrets: Object.entries(step.environment ?? {}).flatMap(([name, kind]) => (kind === 'secret' ? [name] : [])),
      account: `${plan.name}/${instance.step}`,
      ...(step.recordsClaims && { claims: instance.claims ?? [] }),
      ...(step.recordsLineage && { lineage: lineageOf(plan, instance, this.finished) }),
    };
  }

  private requiredOf(instance: StepInstance): readonly string[] {
    return this.required.get(instance.id) ?? [];
  }

  private step(instance: StepInstance): AnyStep {
    const step = this.options.registry.get(instance.uses);
    if (step === undefined) throw new Error(`there is no step "${instance.uses}"`);
    return step;
  }
}
