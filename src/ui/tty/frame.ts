import type { Progress } from '../../engine/step.js';
import { formatBytes } from '../../util/bytes.js';
import { describeStart } from '../describe.js';
import { clean, formatLoss, formatRate, formatSeconds, formatSpent, fraction, sparkline, truncate } from '../format.js';
import { secondsLeft } from '../rate.js';
import { hasEnded, type StepView, type View } from '../view.js';
import { type Line, layoutRows, type Row, type Segment } from './layout.js';

const SPARK_WIDTH = 12;

/** Terminal size in character cells. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The part of the screen that is redrawn: steps that run, steps that wait as far as there is room, and one line on
 * the run. Always at least one row lower than the terminal, so that nothing drawn ever leaves the screen.
 * @param now milliseconds since the epoch, for the time a running step has taken
 */
export function frameLines(view: View, now: number, { columns, rows }: Size): Line[] {
  const live = [...view.steps.values()].filter((step) => !hasEnded(step));
  const room = Math.max(1, rows - 2);
  const running = live.filter((step) => step.state === 'running');
  const waiting = live.filter((step) => step.state === 'waiting');
  const sorted = [...running, ...waiting];
  const shown = sorted.length <= room ? sorted : sorted.slice(0, Math.max(0, room - 1));
  const hidden = sorted.slice(shown.length);
  const lines = layoutRows(
    shown.map((step) => row(step, view, now)),
    columns,
  );
  if (hidden.length > 0) {
    const more = hidden.filter((step) => step.state === 'running').length;
    const counts = [
      ...(more > 0 ? [`${more} more running`] : []),
      ...(hidden.length > more ? [`${hidden.length - more} ${shown.length > 0 ? 'more ' : ''}waiting`] : []),
    ];
    lines.push([{ text: truncate(`… ${counts.join(', ')}`, columns), tone: 'dim' }]);
  }
  return [...lines, footer(view, now, columns)];
}

function row(step: StepView, view: View, now: number): Row {
  const { progress, rate, losses } = step;
  if (step.state === 'waiting') {
    const text = step.failure
      ? `trying again after: ${clean(step.failure.message)}`
      : `${clean(step.uses)}${waitsFor(step, view)}`;
    return { mark: waitingMark, name: clean(step.id), cells: {}, note: { text, tone: 'dim' } };
  }
  const elapsed = formatSeconds(Math.max(0, now - (step.startedAt ?? now)) / 1000);
  if (!progress) {
    const why = clean(describeStart(step));
    const text = `${clean(step.uses)}  ${elapsed}${why && `  ${why}`}`;
    return { mark: runningMark, name: clean(step.id), cells: {}, note: { text, tone: 'dim' } };
  }
  const left = secondsLeft(rate);
  const share = progress.total > 0 ? fraction(progress.done, progress.total) : undefined;
  return {
    mark: runningMark,
    name: clean(step.id),
    ...(share === undefined ? {} : { share }),
    cells: {
      ...(share === undefined ? {} : { percent: `${Math.floor(share * 100)}%` }),
      uses: clean(step.uses),
      done: `${counted(progress.done, progress.total)} ${clean(progress.unit)}`,
      ...(rate.perSecond ? { rate: formatRate(rate.perSecond) } : {}),
      left: left === undefined ? elapsed : `${formatSeconds(left)} left`,
      ...(losses.last === undefined ? {} : { loss: `loss ${formatLoss(losses.last)}` }),
      ...(losses.points.length > 1 ? { spark: sparkline(losses.points, SPARK_WIDTH) } : {}),
      ...(step.memory ? { memory: formatBytes(step.memory) } : {}),
      ...phase(progress),
    },
  };
}

function counted(done: number, total: number): string {
  return total > 0 ? `${String(done).padStart(String(total).length)}/${total}` : String(done);
}

function phase({ phase: text, cost, costInAll }: Progress): { phase?: string } {
  const parts = [...(text ? [clean(text)] : []), ...(cost === undefined ? [] : [formatSpent(cost, costInAll)])];
  return parts.length > 0 ? { phase: parts.join(' ') } : {};
}

function waitsFor(step: StepView, view: View): string {
  const open = step.needs.filter((id) => {
    const need = view.steps.get(id);
    return need !== undefined && !hasEnded(need);
  });
  return open.length > 0 ? `, after ${open.map(clean).join(', ')}` : '';
}

const waitingMark: Segment = { text: '○', tone: 'dim' };
const runningMark: Segment = { text: '●', tone: 'active' };

function footer(view: View, now: number, columns: number): Line {
  if (view.status === 'stopping') {
    const text = 'stopping after a checkpoint … press Ctrl-C again to stop at once';
    return [{ text: truncate(text, columns), tone: 'warn' }];
  }
  const steps = [...view.steps.values()];
  const ended = steps.filter(hasEnded).length;
  const elapsed = formatSeconds(Math.max(0, now - view.startedAt) / 1000);
  return [{ text: truncate(`${ended}/${steps.length} steps  ${elapsed}  ${clean(view.name)}`, columns), tone: 'dim' }];
}
