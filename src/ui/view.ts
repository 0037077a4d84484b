import type { Event, OutputRef, PlannedStep, Why } from '../engine/event.js';
import type { Place } from '../engine/plan.js';
import type { Progress, Table } from '../engine/step.js';
import { addLoss, type LossHistory, noLosses } from './losses.js';
import { addProgress, noRate, type Rate } from './rate.js';

export type StepState = 'waiting' | 'running' | 'done' | 'cached' | 'failed' | 'skipped' | 'interrupted';

/** What is known of one step instance. Times are milliseconds since the epoch, memory is bytes. */
export interface StepView {
  readonly id: string;
  readonly uses: string;
  readonly needs: readonly string[];
  readonly state: StepState;
  /** 0 before the first attempt. */
  readonly attempt: number;
  readonly why?: Why;
  /** When the current or last attempt began. */
  readonly startedAt?: number;
  readonly progress?: Progress;
  readonly rate: Rate;
  readonly losses: LossHistory;
  readonly memory?: number;
  readonly peakMemory?: number;
  readonly seconds?: number;
  readonly outputs?: Readonly<Record<string, OutputRef>>;
  /** Of the last failed attempt, also while another one runs. */
  readonly failure?: {
    readonly reason: string;
    readonly message: string;
    readonly hint?: string;
    readonly place?: Place;
  };
  readonly skipped?: { readonly reason: 'condition' | 'upstream'; readonly because?: string };
}

export interface LogLine {
  readonly step: string;
  readonly level: 'info' | 'warning';
  readonly message: string;
}

/** A run as it stands after some of its events. */
export interface View {
  readonly run: string;
  readonly name: string;
  readonly recipe: string;
  readonly resumed: boolean;
  readonly status: 'pending' | 'running' | 'stopping' | 'ok' | 'failed' | 'interrupted';
  readonly startedAt: number;
  /** Time of the latest event. */
  readonly at: number;
  /** By instance id, in the plan's order. */
  readonly steps: ReadonlyMap<string, StepView>;
  readonly tables: readonly { readonly step: string; readonly table: Table }[];
  /** The newest, at most `LOG_LIMIT`. */
  readonly log: readonly LogLine[];
  readonly seconds?: number;
  readonly outputs: Readonly<Record<string, string>>;
}

export const LOG_LIMIT = 200;

export const emptyView: View = {
  run: '',
  name: '',
  recipe: '',
  resumed: false,
  status: 'pending',
  startedAt: 0,
  at: 0,
  steps: new Map(),
  tables: [],
  log: [],
  outputs: {},
};

const ENDED: ReadonlySet<StepState> = new Set(['done', 'cached', 'failed', 'skipped', 'interrupted']);

/** True once nothing more will happen to the step in this run. */
export function hasEnded(step: StepView): boolean {
  return ENDED.has(step.state);
}

/**
 * The run after one more event. Pure, and has no clock: every time in the view is an event's. Events that come late
 * (progress of a step that has ended, progress older than the last) change nothing; a step that no plan announced is
 * added, so that nothing is lost when the stream is read from its middle.
 */
export function reduce(view: View, event: Event): View {
  const next = { ...view, at: Math.max(view.at, event.at) };
  switch (event.type) {
    case 'run-started':
      return {
        ...next,
        run: event.run,
        name: event.name,
        recipe: event.recipe,
        resumed: event.resumed,
        status: 'running',
        startedAt: event.at,
        steps: new Map(event.steps.map((step) => [step.id, early(view, step) ?? newStep(step)])),
      };
    case 'run-stopping':
      return { ...next, status: 'stopping' };
    case 'run-finished':
      return { ...next, status: event.status, seconds: event.seconds, outputs: event.outputs };
    case 'step-table':
      return { ...next, tables: [...view.tables, { step: event.step, table: event.table }] };
    case 'step-log': {
      const line = { step: event.step, level: event.level, message: event.message };
      return { ...next, log: [...view.log.slice(1 - LOG_LIMIT), line] };
    }
    default: {
      const before = view.steps.get(event.step) ?? newStep({ id: event.step, uses: '', needs: [] });
      const after = reduceStep(before, event);
      return after === before ? next : { ...next, steps: new Map(view.steps).set(event.step, after) };
    }
  }
}

type StepEvent = Exclude<
  Extract<Event, { readonly step: string }>,
  { readonly type: 'step-log' } | { readonly type: 'step-table' }
>;

/** What was heard of a step before its plan. A second `run-started` is another run: nothing is carried over. */
function early(view: View, planned: PlannedStep): StepView | undefined {
  const step = view.run === '' ? view.steps.get(planned.id) : undefined;
  return step && { ...step, ...planned };
}

function newStep(step: PlannedStep): StepView {
  return { ...step, state: 'waiting', attempt: 0, rate: noRate, losses: noLosses };
}

function reduceStep(step: StepView, event: StepEvent): StepView {
  switch (event.type) {
    case 'step-started': {
      if (event.attempt < step.attempt || (event.attempt === step.attempt && hasEnded(step))) return step;
      const { progress: _progress, memory: _memory, ...rest } = step;
      return {
        ...rest,
        state: 'running',
        attempt: event.attempt,
        why: event.why,
        startedAt: event.at,
        rate: noRate,
        losses: noLosses,
      };
    }
    case 'step-progress': {
      const betweenAttempts = step.state === 'waiting' && step.failure !== undefined;
      if (hasEnded(step) || betweenAttempts) return step;
      const rate = addProgress(step.rate, event.at, event.progress);
      if (rate === step.rate) return step;
      return {
        ...step,
        state: 'running',
        startedAt: step.startedAt ?? event.at,
        progress: event.progress,
        rate,
        losses: addLoss(step.losses, event.progress),
        memory: event.memory,
      };
    }
    case 'step-checkpoint':
      return step;
    case 'step-finished':
      return {
        ...step,
        state: event.cached ? 'cached' : 'done',
        seconds: event.seconds,
        peakMemory: event.peakMemory,
        outputs: event.outputs,
      };
    case 'step-failed': {
      const { reason, message, hint, place } = event;
      return {
        ...step,
        state: event.willRetry ? 'waiting' : 'failed',
        attempt: event.attempt,
        failure: {
          reason,
          message,
          ...(hint === undefined ? {} : { hint }),
          ...(place === undefined ? {} : { place }),
        },
        ...(step.startedAt === undefined ? {} : { seconds: (event.at - step.startedAt) / 1000 }),
      };
    }
    case 'step-skipped': {
      const { reason, because } = event;
      return { ...step, state: 'skipped', skipped: { reason, ...(because === undefined ? {} : { because }) } };
    }
    case 'step-interrupted':
      return { ...step, state: 'interrupted' };
  }
}
