import { rm } from 'node:fs/promises';
import type { Json } from '../util/json.js';
import { checkpointsOf } from './checkpoints.js';
import type { EventBody, OutputRef } from './event.js';
import type { Job } from './executor.js';
import { inputSpec } from './fingerprint.js';
import type { MemoryWatch } from './memory.js';
import { type AnyStep, type InputArtifact, outputKind, type Progress, type StepContext, StepFailure } from './step.js';
import type { Store } from './store.js';

const PROGRESS_EVERY_MS = 200;

export interface ContextParts {
  readonly job: Job;
  readonly step: AnyStep;
  readonly store: Store;
  /** Environment references resolved. */
  readonly options: unknown;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly memory: MemoryWatch;
  readonly emit: (event: EventBody) => void;
  readonly owned: () => boolean;
  /** Milliseconds between two checkpoints. */
  readonly checkpointMs: number;
}

function recorded<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}

/** A step's view of the world while it runs, and what becomes of its outputs. */
export class WorkerContext {
  readonly context: StepContext<never>;
  private readonly folders = new Map<string, string>();
  private readonly measured = new Map<string, Json>();
  private pending: Progress | undefined;
  private sentAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly parts: ContextParts,
    inputs: Readonly<Record<string, readonly InputArtifact[]>>,
  ) {
    const { job, step, store, signal, emit } = parts;
    const given = (name: string): readonly InputArtifact[] => {
      inputSpec(step, name);
      return inputs[name] ?? [];
    };
    this.context = {
      options: parts.options as never,
      input: (name) => {
        const [first] = given(name);
        if (first === undefined) throw new Error(`input "${name}" is not bound`);
        return first;
      },
      optionalInput: (name) => given(name)[0],
      inputList: given,
      output: (name) => this.output(name),
      measure: (name, value) => {
        if (step.outputs[name] !== 'measurement') throw new Error(`step ${step.name} has no measurement "${name}"`);
        this.measured.set(name, value);
      },
      checkpoint: checkpointsOf({
        store,
        fingerprint: job.fingerprint,
        every: parts.checkpointMs,
        signal,
        owned: parts.owned,
        saved: (name) => emit({ type: 'step-checkpoint', step: job.instance, name }),
      }),
      seed: job.seed,
      variable: (name) => {
        if (step.environment?.[name] === undefined) throw new Error(`step ${step.name} does not declare ${name}`);
        return parts.environment[name] || undefined;
      },
      sharedFolder: (name) => store.shared(name),
      account: job.account,
      threads: job.threads,
      now: () => performance.timeOrigin + performance.now(),
      signal,
      progress: (progress) => this.progress(progress),
      log: (level, message) => emit({ type: 'step-log', step: job.instance, level, message }),
      show: (table) => emit({ type: 'step-table', step: job.instance, table }),
      claims: () => recorded(job.claims, `step ${step.name} does not record claims`),
      lineage: () => recorded(job.lineage, `step ${step.name} does not record its lineage`),
    };
  }

  /** @throws StepFailure if an input is not in the store */
  static async create(parts: ContextParts): Promise<WorkerContext> {
    const inputs: Record<string, InputArtifact[]> = {};
    for (const [name, artifacts] of Object.entries(parts.job.inputs)) {
      const found: InputArtifact[] = [];
      for (const artifact of artifacts) {
        const path = artifact.kind === 'measurement' ? '' : await parts.store.get(artifact.digest);
        if (path === undefined) {
          throw new StepFailure('missing-artifact', `input "${name}" (${artifact.digest}) is not in the store`);
        }
        found.push({ ...artifact, path });
      }
      inputs[name] = found;
    }
    return new WorkerContext(parts, inputs);
  }

  /** Makes artifacts of the outputs. Throws (a bug of the step) if a required one was not made. */
  async seal(): Promise<Record<string, OutputRef>> {
    const { job, step, store } = this.parts;
    for (const name of job.required) {
      if (!this.folders.has(name) && !this.measured.has(name)) {
        throw new Error(`step ${step.name} ended without its output "${name}"`);
      }
    }
    const outputs: Record<string, OutputRef> = {};
    for (const name of new Set([...Object.keys(step.outputs), ...this.folders.keys()])) {
      const kind = outputKind(step, name) as string;
      const folder = this.folders.get(name);
      const value = this.measured.get(name);
      if (folder !== undefined) outputs[name] = { kind, digest: await store.put(folder, kind) };
      else if (value !== undefined) outputs[name] = { kind: 'measurement', value };
    }
    return outputs;
  }

  /** Sends the last progress report that was held back. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.pending === undefined) return;
    const { job, memory, emit } = this.parts;
    emit({ type: 'step-progress', step: job.instance, progress: this.pending, memory: memory.now() });
    this.pending = undefined;
    this.sentAt = performance.now();
  }

  /** Drops outputs that were not sealed. */
  async discard(): Promise<void> {
    for (const folder of this.folders.values()) await rm(folder, { recursive: true, force: true });
  }

  private async output(name: string): Promise<string> {
    const { step, store } = this.parts;
    const kind = outputKind(step, name);
    if (kind === undefined || kind === 'measurement')
      throw new Error(`step ${step.name} has no output folder "${name}"`);
    if (this.folders.has(name)) throw new Error(`the folder of output "${name}" was asked for twice`);
    const folder = await store.scratch();
    this.folders.set(name, folder);
    return folder;
  }

  private progress(progress: Progress): Promise<void> {
    this.pending = progress;
    const wait = this.sentAt + PROGRESS_EVERY_MS - performance.now();
    if (wait <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), wait).unref();
    // Messages are read between one `setImmediate` and the next: this is when "stop" gets in.
    return new Promise((resolve) => setImmediate(resolve));
  }
}
