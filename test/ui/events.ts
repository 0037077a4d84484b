import type { Event, EventBody } from '../../src/engine/event.js';
import { emptyView, reduce, type View } from '../../src/ui/view.js';

/** Events of one run, `seconds` after its start. */
export const at = (seconds: number, body: EventBody): Event => ({ at: 1_000_000 + seconds * 1000, ...body }) as Event;

export const started = (steps: readonly [id: string, uses: string, ...needs: string[]][], resumed = false): Event =>
  at(0, {
    type: 'run-started',
    run: 'r1',
    recipe: '/recipes/tiny.yaml',
    name: 'tiny',
    resumed,
    steps: steps.map(([id, uses, ...needs]) => ({ id, uses, needs })),
  });

export const begin = (seconds: number, step: string, attempt = 1): Event =>
  at(seconds, { type: 'step-started', step, attempt, fingerprint: 'f', why: { reason: 'new' } });

export const progress = (seconds: number, step: string, done: number, total: number, more: object = {}): Event =>
  at(seconds, { type: 'step-progress', step, progress: { done, total, unit: 'updates', ...more }, memory: 412e6 });

export const finish = (seconds: number, step: string, cached = false): Event =>
  at(seconds, { type: 'step-finished', step, fingerprint: 'f', outputs: {}, cached, seconds: 3, peakMemory: 412e6 });

export const fail = (seconds: number, step: string, attempt = 1, willRetry = false): Event =>
  at(seconds, {
    type: 'step-failed',
    step,
    attempt,
    reason: 'bad-row',
    message: 'row 7 has no label',
    hint: 'Drop it.',
    willRetry,
  });

export const ended = (seconds: number, status: 'ok' | 'failed' | 'interrupted'): Event =>
  at(seconds, { type: 'run-finished', status, seconds, outputs: status === 'ok' ? { student: '/out/student' } : {} });

export const table = (seconds: number, step: string): Event =>
  at(seconds, {
    type: 'step-table',
    step,
    table: {
      title: 'Results',
      columns: [
        { label: 'model', align: 'left' },
        { label: 'macro-F1', align: 'right' },
      ],
      rows: [
        ['teacher', '0.968'],
        ['student', '0.9'],
      ],
      notes: ['Retention is student / teacher on the same rows.'],
    },
  });

export const fold = (...events: readonly Event[]): View => events.reduce(reduce, emptyView);
