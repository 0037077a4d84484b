import type { Runner } from '../../backend/runner.js';
import type { Parameters } from '../../models/initialize.js';
import { StepFailure } from '../../util/failure.js';
import type { Course } from '../course.js';
import type { Learnable } from '../examples.js';
import { Lesson, type Schooling } from '../lesson.js';
import type { Stage } from '../stage.js';
import { learntRows } from '../stage-batches.js';
import type { Teacher } from '../teachers.js';
import type { Judge, Metric } from '../validate.js';
import { type Branch, branchParameters } from './branch.js';
import { sharesOf, Turns } from './sampling.js';

/** A task with what it learns from, and by what it is judged. */
export interface Turn {
  readonly branch: Branch;
  readonly stage: Stage;
  readonly examples: Learnable;
  readonly teachers: readonly Teacher[];
  readonly judged: { readonly judge: Judge; readonly metric: Metric } | undefined;
}

/** What a task's metric was. */
export interface Judged {
  readonly task: string;
  readonly metric: Metric;
  readonly value: number;
}

interface Sampled {
  readonly temperature: number;
  readonly updates: number;
  /** Told of each evaluation: the metric of each task that has one. */
  readonly judged: (values: readonly Judged[]) => void;
  /** Told once: updates of each task. */
  readonly drawn: (counts: readonly number[]) => void;
}

/**
 * Tasks that take turns: each update learns from one task's batch. What a task sees, in which order and with which
 * dropout, is what it would see alone; the first task's is that of a `train` step.
 */
export function takingTurns(
  training: Omit<Schooling, 'examples' | 'teachers' | 'called'>,
  turns: readonly Turn[],
  { temperature, updates, judged, drawn }: Sampled,
): Course {
  const called = (task: number): string => `task "${turns[task]?.branch.name}"`;
  return {
    specs: Object.assign({}, ...turns.map(({ stage }) => stage.specs)),
    open(optimizer, trainable) {
      const schools = turns.map(({ examples, teachers }) => ({
        ...training,
        teachers,
        examples: () => examples,
        called,
      }));
      const sizes = turns.map(({ stage }, k) => learntRows(schools[k] as Schooling, k, stage).length);
      const order = new Turns(sharesOf(sizes, temperature), updates, training.seed);
      const idle = order.counts.indexOf(0);
      if (idle >= 0) throw neverDrawn(called(idle), updates);
      drawn(order.counts);
      // Schedules of a task's objectives go by its own updates.
      const stages = training.stages.map((options, k) => ({ ...options, updates: order.counts[k] as number }));
      const lessons = turns.map(({ stage }, k) => {
        const school = { ...(schools[k] as Schooling), stages };
        return new Lesson(school, k, { ...stage, fn: { ...stage.fn, trainable } }, optimizer);
      });
      return {
        total: updates,
        perEpoch: lessons.reduce((sum, { batches }) => sum + batches.perEpoch, 0),
        async prepare() {
          for (const lesson of lessons) await lesson.prepare();
        },
        learn(update, rate) {
          const { task, own } = order.at(update);
          return (lessons[task] as Lesson).learn(own, rate);
        },
        measure: (parameters) => meanMetric(turns, training.runner, parameters, judged),
      };
    },
  };
}

const neverDrawn = (task: string, updates: number): StepFailure =>
  new StepFailure(
    'never-drawn',
    `of ${updates} updates none is one of ${task}: it has too few rows beside the others`,
    'Raise the temperature of sampling, or updates.',
    '/sampling',
  );

/** The mean of the metrics of the tasks that are judged. */
async function meanMetric(
  turns: readonly Turn[],
  runner: Runner,
  parameters: Parameters,
  told: Sampled['judged'],
): Promise<number> {
  const values: Judged[] = [];
  for (const { branch, judged } of turns) {
    if (!judged) continue;
    const { judge, metric } = judged;
    const value = await judge.measure(metric, runner, branch.config, branchParameters(branch, parameters));
    values.push({ task: branch.name, metric, value });
  }
  told(values);
  return values.reduce((sum, { value }) => sum + value, 0) / values.length;
}
