import type { StepContext } from '../engine/step.js';
import type { Parameters as Weights } from '../models/initialize.js';
import type { Stage } from '../options/train.js';
import type { Average } from './average.js';
import { complaints } from './doctor.js';
import type { History } from './history.js';
import { type AfterUpdate, withData } from './loop.js';
import { saveState } from './saved-state.js';

/** What is told of a training run besides its updates, and where its checkpoint is. */
export interface Reported {
  /** Of the step's trainings, this one: `generation 2 of 3`. */
  readonly phase?: string;
  /** Name of the checkpoint. */
  readonly state: string;
  /** Keeps what each update gave; goes into it. */
  readonly history: History;
  /** Goes into it. */
  readonly average?: Average | undefined;
  /** The teachers learn too: at first they have nothing to say, and that is no badly scaled loss. */
  readonly learning?: boolean;
  /** Called at the end of each stage with what was learnt. */
  readonly ended?: (stage: number, parameters: Weights) => Promise<void>;
}

/** Tells what each update gave, and keeps a checkpoint. */
export function reporter(
  ctx: Pick<StepContext<unknown>, 'progress' | 'log' | 'checkpoint' | 'signal'>,
  stages: readonly Stage[],
  { phase, state, history, average, learning = false, ended }: Reported,
): AfterUpdate {
  const loss = new Mean();
  const losses = new Map<string, Mean>();
  return async (report) => {
    const { stage, done, total, position, optimizer, best, named } = report;
    const { validate } = stages[stage] as Stage;
    // Several tasks are judged by the mean of their metrics.
    const metric = validate && (validate.metric ?? 'mean of the tasks');
    history.add(report, metric);
    loss.add(report.loss);
    for (const [i, { name }] of named.entries()) {
      const mean = losses.get(name) ?? new Mean();
      losses.set(name, mean);
      mean.add(report.losses[i] as number);
    }
    const phases = [phase ?? [], stages.length > 1 ? `stage ${stage + 1} of ${stages.length}` : []].flat();
    await ctx.progress({
      done,
      total,
      unit: 'updates',
      ...(phases.length > 0 && { phase: phases.join(', ') }),
      loss: loss.value,
      losses: Object.fromEntries([...losses].map(([type, mean]) => [type, mean.value])),
      gradientNorm: report.gradientNorm,
    });
    if (loss.count >= 10 || done === total) {
      loss.reset();
      losses.clear();
    }
    const where = [...(phase ? [phase] : []), `stage ${stage + 1}`].join(', ');
    for (const complaint of learning && done <= 10 ? [] : complaintsOf(report.norms ?? [], named)) {
      ctx.log('warning', `${where}, update ${done}: ${complaint}`);
    }
    if (report.validation !== undefined && validate) {
      const value = `${metric} ${report.validation.toFixed(4)}`;
      const so = best?.progress.since === 0 ? ', the best so far' : '';
      ctx.log('info', `update ${done} of ${total}: ${value} on the validation rows${so}`);
      if (report.stopped) ctx.log('info', `${where} ends here: no better in ${validate.patience} evaluations`);
    }
    if (done === total || report.stopped) await ended?.(stage, withData(optimizer.parameters, best?.parameters ?? {}));
    if (ctx.checkpoint.due()) {
      await ctx.checkpoint.save(state, (folder) =>
        saveState(folder, position, optimizer, best, average, history.state),
      );
    }
    ctx.signal.throwIfAborted();
  };
}

/** Each model's objectives are held against one another: how far models of different sizes move says nothing. */
function complaintsOf(norms: readonly number[], named: Parameters<AfterUpdate>[0]['named']): string[] {
  const models = [...new Set(named.map(({ model }) => model))];
  return models.flatMap((model) => {
    const own = norms.flatMap((norm, i) =>
      named[i]?.model === model ? [{ norm, name: named[i]?.name as string }] : [],
    );
    return complaints(
      own.map(({ norm }) => norm),
      own.map(({ name }) => name),
    );
  });
}

/** A mean that grows number by number. */
class Mean {
  private sum = 0;
  count = 0;

  get value(): number {
    return this.sum / this.count;
  }

  add(x: number): void {
    this.sum += x;
    this.count++;
  }

  reset(): void {
    [this.sum, this.count] = [0, 0];
  }
}
