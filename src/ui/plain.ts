import type { Event } from '../engine/event.js';
import { describeEnd, describeOutputs, describeRun, describeStart } from './describe.js';
import { clean, formatLoss, formatRate, formatSeconds, formatSpent, fraction } from './format.js';
import { secondsLeft } from './rate.js';
import type { Reporter } from './reporter.js';
import { renderTable } from './table.js';
import { emptyView, hasEnded, reduce, type StepView } from './view.js';

/** At least this long between two progress lines of one step, milliseconds of event time. */
const PROGRESS_EVERY = 10_000;

/** Lines of plain text for logs and CI: nothing is ever redrawn. */
export function plainReporter(write: (text: string) => void): Reporter {
  let view = emptyView;
  const lastLine = new Map<string, number>();
  const print = (...lines: readonly string[]): void => write(lines.map((line) => `${line}\n`).join(''));

  const progress = (step: StepView, at: number): void => {
    const due = (lastLine.get(step.id) ?? step.startedAt ?? at) + PROGRESS_EVERY;
    if (at < due || hasEnded(step)) return;
    lastLine.set(step.id, at);
    const line = progressLine(step);
    if (line) print(`${step.id}: ${line}`);
  };

  return {
    event(event: Event) {
      view = reduce(view, event);
      switch (event.type) {
        case 'run-started': {
          const steps = event.steps.length === 1 ? '1 step' : `${event.steps.length} steps`;
          print(`${event.name}: ${event.resumed ? 'resumed' : 'started'}, ${steps}, run ${event.run}`);
          break;
        }
        case 'run-stopping':
          print('stopping after a checkpoint …');
          break;
        case 'run-finished': {
          for (const { table } of view.tables) print('', ...renderTable(table, Number.POSITIVE_INFINITY));
          if (view.tables.length > 0) print('');
          print(describeRun(view), ...describeOutputs(view));
          break;
        }
        case 'step-table':
        case 'step-checkpoint':
          break;
        case 'step-log':
          print(`${event.step}: ${event.level === 'warning' ? 'warning: ' : ''}${clean(event.message)}`);
          break;
        default: {
          const step = view.steps.get(event.step);
          if (!step) break;
          if (event.type === 'step-progress') progress(step, event.at);
          else if (event.type === 'step-started') {
            lastLine.delete(step.id);
            const note = describeStart(step);
            print(`${step.id}: started${step.uses && ` ${step.uses}`}${note && ` (${clean(note)})`}`);
          } else if (event.type === 'step-failed') {
            const retry = event.willRetry ? ', trying again' : '';
            print(`${step.id}: failed${retry}: ${clean(event.message)}`, ...hintLines(event.hint));
          } else print(`${step.id}: ${clean(describeEnd(step))}`);
        }
      }
    },
    async close() {},
  };
}

const hintLines = (hint: string | undefined): string[] => (hint ? [`  ${clean(hint)}`] : []);

/** ` (soft-label 0.2, hard-label 0.9)`, where there is more than one. */
function partsOf(losses: Readonly<Record<string, number>> = {}): string {
  const parts = Object.entries(losses).map(([name, loss]) => `${clean(name)} ${formatLoss(loss)}`);
  return parts.length > 1 ? ` (${parts.join(', ')})` : '';
}

/** `1200/6046 mails (20 %), 412/s, 12 s left, loss 0.4312, stage 1 of 2` */
function progressLine(step: StepView): string {
  const { progress, rate, losses } = step;
  if (!progress) return '';
  const left = secondsLeft(rate);
  const percent = Math.floor(fraction(progress.done, progress.total) * 100);
  return [
    `${progress.done}/${progress.total} ${clean(progress.unit)} (${percent} %)`,
    ...(rate.perSecond ? [formatRate(rate.perSecond)] : []),
    ...(left === undefined ? [] : [`${formatSeconds(left)} left`]),
    ...(losses.last === undefined ? [] : [`loss ${formatLoss(losses.last)}${partsOf(progress.losses)}`]),
    ...(progress.cost === undefined ? [] : [formatSpent(progress.cost, progress.costInAll)]),
    ...(progress.phase ? [clean(progress.phase)] : []),
  ].join(', ');
}
