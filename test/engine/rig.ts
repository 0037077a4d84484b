import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { RunControl } from '../../src/engine/control.js';
import type { Event, OutputRef } from '../../src/engine/event.js';
import { LocalExecutor } from '../../src/engine/local-executor.js';
import type { Binding, OutputBinding, Plan, StepInstance } from '../../src/engine/plan.js';
import { type RunOptions, type RunResult, runPlan } from '../../src/engine/run.js';
import { explainStatus, type InstanceStatus } from '../../src/engine/status.js';
import type { JsonObject } from '../../src/util/json.js';
import { registry } from './fixtures/steps.mjs';

export const FIXTURES = join(import.meta.dirname, 'fixtures');
export const WORKER = join(FIXTURES, 'worker.mjs');
export { registry };

/** An empty folder, gone when the test is. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'recipe-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

export interface Sketch extends Partial<Omit<StepInstance, 'inputs'>> {
  readonly uses: string;
  readonly with?: JsonObject;
  /** `id.output` each. */
  readonly inputs?: Readonly<Record<string, readonly string[]>>;
}

const binding = (text: string): Binding => {
  const dot = text.lastIndexOf('.');
  return { from: text.slice(0, dot), output: text.slice(dot + 1) };
};

/** Of a matrix, each has a folder of its own. */
const placed = (text: string): OutputBinding => {
  const found = binding(text);
  return found.from.includes('[') ? { ...found, folder: found.from } : found;
};

/** A plan by hand: instances by id, and outputs as `id.output` each. */
export function planOf(steps: Record<string, Sketch>, outputs: Record<string, readonly string[]> = {}): Plan {
  const instances = Object.entries(steps).map(([id, { with: options, inputs, needs, ...rest }]): StepInstance => {
    const bound = Object.fromEntries(Object.entries(inputs ?? {}).map(([name, from]) => [name, from.map(binding)]));
    const before = Object.values(bound).flatMap((bindings) => bindings.map(({ from }) => from));
    return {
      id,
      step: id.split('[')[0] as string,
      options: options ?? {},
      inputs: bound,
      needs: [...new Set([...before, ...(needs ?? [])])],
      seed: 7,
      enabled: true,
      retry: 0,
      cache: true,
      files: [],
      packages: [],
      environment: [],
      place: { line: 1, column: 1, length: 1 },
      ...rest,
    };
  });
  return {
    file: '/nowhere/test.yaml',
    name: 'test',
    description: '',
    seed: 7,
    params: {},
    places: {},
    instances,
    outputs: Object.fromEntries(Object.entries(outputs).map(([key, from]) => [key, from.map(placed)])),
  };
}

export interface Ran {
  readonly result: RunResult;
  readonly events: readonly Event[];
  /** `type step` of what happened to steps, progress and tables left out: `finished a`, `cached b`, `failed c crashed`. */
  readonly story: readonly string[];
  readonly outputs: Readonly<Record<string, Readonly<Record<string, OutputRef>>>>;
}

/** One `.recipe` folder, and an engine for it in this process. */
export class Rig {
  readonly base = folder();
  readonly root = join(this.base, '.recipe');
  /** For steps to leave lines in. */
  readonly trace = join(this.base, 'trace');

  async run(plan: Plan, options: Partial<RunOptions> & { onEvent?: (event: Event) => void } = {}): Promise<Ran> {
    const events: Event[] = [];
    const { onEvent, ...rest } = options;
    const result = await runPlan(plan, {
      root: this.root,
      registry,
      executor: (place) => new LocalExecutor({ ...place, worker: WORKER }),
      emit: (event) => {
        events.push(event);
        onEvent?.(event);
      },
      threads: 1,
      control: new RunControl(),
      ...rest,
    });
    const outputs = Object.fromEntries(
      events.flatMap((event) => (event.type === 'step-finished' ? [[event.step, event.outputs]] : [])),
    );
    return { result, events, story: events.flatMap(tell), outputs };
  }

  status(plan: Plan): Promise<readonly InstanceStatus[]> {
    return explainStatus(plan, this.root, registry);
  }

  /** Lines that steps left. */
  traced(): string[] {
    return existsSync(this.trace) ? readFileSync(this.trace, 'utf8').trim().split('\n') : [];
  }

  /** Every file below the `.recipe` folder. */
  files(): string[] {
    return readdirSync(this.root, { recursive: true, encoding: 'utf8' })
      .map((path) => join(this.root, path))
      .filter((path) => statSync(path).isFile());
  }
}

function tell(event: Event): string[] {
  switch (event.type) {
    case 'step-started':
      return [`started ${event.step}${event.attempt > 1 ? ` attempt ${event.attempt}` : ''}`];
    case 'step-finished':
      return [`${event.cached ? 'cached' : 'finished'} ${event.step}`];
    case 'step-failed':
      return [`failed ${event.step} ${event.reason}${event.willRetry ? ' retry' : ''}`];
    case 'step-skipped':
      return [`skipped ${event.step} ${event.reason}${event.because === undefined ? '' : ` ${event.because}`}`];
    case 'step-interrupted':
      return [`interrupted ${event.step}`];
    default:
      return [];
  }
}

/** Waits until something is so; fails after some seconds. */
export async function until(what: () => boolean, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!what()) {
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(5);
  }
}
