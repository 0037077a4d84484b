import type { HostTensors } from '../backend/runner.js';
import type { ObjectiveHistory, StageHistory, TrainingHistory } from '../report/history.js';
import { scheduledFeed, weightFeed } from './feeds.js';
import type { Report } from './loop.js';
import type { Stage } from './stage.js';

/** At most so many points are kept of a stage, however many updates it has. */
const POINTS = 500;
/** Significant digits of a number in the file. */
const DIGITS = 6;

/** Sums over the updates since the last point. */
interface Pending {
  count: number;
  loss: number;
  norm: number;
  /** Of each objective by its place, of those updates that it was part of; null of one that was part of none. */
  objectives: ({ count: number; loss: number; numbers: ObjectiveNumbers } | null)[];
}

/** All of a history, to go on from. */
export interface HistoryState {
  readonly stages: StageHistory[];
  readonly pending: Pending;
}

/** An objective's numbers in one update. */
export interface ObjectiveNumbers {
  readonly weight: number;
  readonly scheduled: Readonly<Record<string, number>>;
}

/**
 * The weight of each objective of a stage and what else is scheduled.
 * @param progress 0 in the first update, 1 in the last
 */
export function numbersOf(
  { numbers, losses }: Pick<Stage, 'numbers' | 'losses'>,
  progress: number,
): ObjectiveNumbers[] {
  const [data, written] = [numbers(progress), numbers(progress, true)];
  const read = (from: HostTensors, name: string): number => from[name]?.data[0] ?? 0;
  return losses.map((_, i) => {
    const prefix = scheduledFeed(i, '');
    const names = Object.keys(data).filter((name) => name.startsWith(prefix));
    return {
      // An objective that counts in one kind of batch only has its weight from there.
      weight: Math.max(read(data, weightFeed(i)), read(written, weightFeed(i))),
      scheduled: Object.fromEntries(names.map((name) => [name.slice(prefix.length), read(data, name)])),
    };
  });
}

const none = (): Pending => ({ count: 0, loss: 0, norm: 0, objectives: [] });
const rounded = (value: number): number => Number(value.toPrecision(DIGITS));

/** Where an objective is among those of a stage; new ones are put behind. */
function placeOf(objectives: ObjectiveHistory[], name: string, model: number): number {
  const found = objectives.findIndex((own) => own.name === name && own.model === model);
  if (found >= 0) return found;
  return objectives.push({ name, model, update: [], loss: [], weight: [], scheduled: {} }) - 1;
}

/** What the updates of a training gave, for people to see. The same updates give the same, also when resumed. */
export class History {
  private readonly stages: StageHistory[];
  private pending: Pending;

  /** @param saved what an earlier attempt's `state` gave */
  constructor(saved: HistoryState = { stages: [], pending: none() }) {
    this.stages = saved.stages;
    this.pending = saved.pending;
  }

  /** @param metric that validation is by */
  add(report: Report, metric: string | undefined): void {
    const { stage: place, done, total, loss, losses, named, rate, numbers, gradientNorm, validation, stopped } = report;
    this.stages[place] ??= {
      updates: total,
      update: [],
      loss: [],
      learning_rate: [],
      gradient_norm: [],
      objectives: [],
      validation: metric === undefined ? null : { metric, update: [], value: [] },
    };
    const stage = this.stages[place];
    const { pending } = this;
    pending.count++;
    pending.loss += loss;
    pending.norm += gradientNorm;
    for (const [i, { name, model }] of named.entries()) {
      const place = placeOf(stage.objectives, name, model);
      const { count, loss: sum } = pending.objectives[place] ?? { count: 0, loss: 0 };
      const now = numbers[i] as ObjectiveNumbers;
      for (let k = 0; k < place; k++) pending.objectives[k] ??= null;
      pending.objectives[place] = { count: count + 1, loss: sum + (losses[i] as number), numbers: now };
    }
    const stride = Math.ceil(total / POINTS);
    if (validation !== undefined && stage.validation) {
      const { update, value } = stage.validation;
      // Of evaluations that fall between two points the last is kept.
      const at = update.length > 0 && (update.at(-1) as number) > done - stride ? update.length - 1 : update.length;
      [update[at], value[at]] = [done, rounded(validation)];
    }
    if (done % stride !== 0 && done !== total && !stopped) return;
    const mean = (sum: number): number => rounded(sum / pending.count);
    stage.update.push(done);
    stage.loss.push(mean(pending.loss));
    stage.learning_rate.push(rounded(rate));
    stage.gradient_norm.push(mean(pending.norm));
    for (const [i, objective] of stage.objectives.entries()) {
      const heard = pending.objectives[i];
      if (!heard) continue;
      const { weight, scheduled } = heard.numbers;
      objective.update.push(done);
      objective.loss.push(rounded(heard.loss / heard.count));
      objective.weight.push(rounded(weight));
      for (const [name, value] of Object.entries(scheduled)) {
        objective.scheduled[name] ??= [];
        objective.scheduled[name].push(rounded(value));
      }
    }
    this.pending = none();
  }

  /** For a checkpoint. */
  get state(): HistoryState {
    return { stages: this.stages, pending: this.pending };
  }

  /** @param name of this training among the step's */
  named(name: string | null): TrainingHistory {
    return { name, stages: this.stages };
  }
}
