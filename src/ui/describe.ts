import { formatBytes } from '../util/bytes.js';
import { formatSeconds } from './format.js';
import type { StepView, View } from './view.js';

/** Why a step runs although it might not have to; empty when there is nothing to say. */
export function describeStart(step: StepView): string {
  if (step.attempt > 1) return `attempt ${step.attempt}`;
  switch (step.why?.reason) {
    case 'changed':
      return `changed: ${step.why.changes.join(', ')}`;
    case 'resume':
      return 'from its last checkpoint';
    case 'uncached':
      return 'never cached';
    default:
      return '';
  }
}

/** How a step ended, without its name: `done in 42 s`, `failed: …`, `skipped: teacher did not finish`. */
export function describeEnd(step: StepView): string {
  switch (step.state) {
    case 'done': {
      const memory = step.peakMemory ? `, ${formatBytes(step.peakMemory)}` : '';
      return `done in ${formatSeconds(step.seconds ?? 0)}${memory}`;
    }
    case 'cached':
      return 'up to date';
    case 'failed':
      return `failed: ${step.failure?.message ?? 'unknown reason'}`;
    case 'interrupted':
      return 'interrupted';
    case 'skipped': {
      if (step.skipped?.reason === 'condition') return 'skipped: its "if" is false';
      return `skipped: ${step.skipped?.because ?? 'a step it needs'} did not finish`;
    }
    default:
      return step.state;
  }
}

/** The run in one line: `tinybert: ok in 3m 05s (8 steps, 3 up to date)`. */
export function describeRun(view: View): string {
  const steps = [...view.steps.values()];
  const count = (state: StepView['state']): number => steps.filter((step) => step.state === state).length;
  const counted = (
    [
      ['cached', 'up to date'],
      ['failed', 'failed'],
      ['skipped', 'skipped'],
      ['interrupted', 'interrupted'],
      ['waiting', 'not started'],
    ] as const
  ).flatMap(([state, words]) => (count(state) > 0 ? [`${count(state)} ${words}`] : []));
  const details = [`${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`, ...counted].join(', ');
  const name = view.name || view.recipe || 'run';
  const status = view.status === 'interrupted' ? 'interrupted after' : `${view.status} in`;
  return `${name}: ${status} ${formatSeconds(view.seconds ?? (view.at - view.startedAt) / 1000)} (${details})`;
}

/** Where the recipe's outputs were copied to, one line each. */
export function describeOutputs(view: View): string[] {
  return Object.entries(view.outputs).map(([name, folder]) => `  ${name} → ${folder}`);
}
