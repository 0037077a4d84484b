import type { Json } from '../util/json.js';
import { bootstrapped, type Ratio } from './compare.js';
import { inReadingOrder, type Role, type TrainedOn } from './evaluate.js';
import { type Expect, type Expectation, type Figures, isMeasured, judge, wantedOf } from './expect.js';
import { type Interval, RESAMPLES } from './intervals.js';
import type { TaskFigure } from './task-figures.js';

/** How well one model did on the test rows. */
export interface Judgement {
  /** In the order of the table; NaN where one has no value. */
  readonly figures: Readonly<Partial<Record<TaskFigure, number>>>;
  /** The figure that models are compared by, of some rows, which may repeat. */
  readonly main: (sample: Int32Array) => number;
  /** What else there is to say, for `report.json`. */
  readonly details: Readonly<Record<string, Json>>;
}

/** A model after it has answered every test row. */
export interface Judged {
  /** The step that produced it. */
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly trainedOn: TrainedOn | undefined;
  readonly judgement: Judgement;
}

export interface TaskModelReport {
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly trained_on: TrainedOn | null;
  readonly figures: Readonly<Partial<Record<TaskFigure, number | null>>>;
  /** 95 %, of the figure that models are compared by. */
  readonly interval: Interval | null;
  /** That figure / the teacher's; null for the teacher and without one. */
  readonly retention: Ratio | null;
  readonly size_ratio: number | null;
  /** That figure minus the baseline's; null for the baseline and without one. */
  readonly ahead_of_baseline: Ratio | null;
  readonly details: Readonly<Record<string, Json>>;
}

/** `report.json` of a task other than classification: figures only, and nothing that differs from run to run. */
export interface TaskReport {
  readonly title: string;
  readonly task: string;
  /** The model's outputs, by name. */
  readonly labels: readonly string[];
  readonly test: { readonly rows: number; readonly unlabelled: number };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** Which figure retention, the intervals and what a baseline is compared by are of. */
  readonly compared_by: TaskFigure;
  /** In the order of the table; `predictions.jsonl` has the same order. */
  readonly models: readonly TaskModelReport[];
  /** What the first student and the teacher had to reach. */
  readonly expectations: readonly Expectation[];
}

export interface TaskEvaluation {
  readonly title: string;
  readonly task: string;
  readonly labels: readonly string[];
  readonly rows: number;
  /** Rows of which nothing is known. */
  readonly unlabelled: number;
  readonly main: TaskFigure;
  readonly models: readonly Judged[];
  /** A comparison a figure: `{entity_f1: '>= 0.9'}`. */
  readonly expect: Expect;
  /** Of the bootstrap. */
  readonly seed: number;
}

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function taskReport(evaluation: TaskEvaluation): TaskReport {
  const { title, task, labels, rows, unlabelled, main, models, expect, seed } = evaluation;
  const ofRole = (role: Role) => models.find((model) => model.role === role);
  const [teacher, baseline] = [ofRole('teacher'), ofRole('baseline')];
  const reports = inReadingOrder(models).map((model): TaskModelReport => {
    const own = model.judgement.main;
    const above = teacher && teacher !== model ? teacher.judgement.main : undefined;
    const below = baseline && baseline !== model ? baseline.judgement.main : undefined;
    const [itself, retention, ahead] = bootstrapped(
      rows,
      [
        own,
        above && ((sample: Int32Array) => own(sample) / above(sample)),
        below && ((sample: Int32Array) => own(sample) - below(sample)),
      ],
      seed,
    );
    return {
      name: model.name,
      role: model.role,
      type: model.type,
      parameters: model.parameters,
      bytes: model.bytes,
      trained_on: model.trainedOn ?? null,
      figures: Object.fromEntries(
        Object.entries(model.judgement.figures).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
      ),
      interval: itself?.interval ?? null,
      retention: retention ?? null,
      size_ratio: above && teacher ? model.parameters / teacher.parameters : null,
      ahead_of_baseline: ahead ?? null,
      details: model.judgement.details,
    };
  });
  return {
    title,
    task,
    labels,
    test: { rows, unlabelled },
    bootstrap: { resamples: RESAMPLES, seed },
    compared_by: main,
    models: reports,
    expectations: expectationsOf(reports, expect),
  };
}

/** Holds the figures of the first student and of the teacher against what was expected of them. */
function expectationsOf(models: readonly TaskModelReport[], expect: Expect): Expectation[] {
  const figuresOf = (role: Role): Figures => {
    const model = models.find((each) => each.role === role);
    if (model === undefined) return {};
    const { figures, parameters, bytes, size_ratio } = model;
    return { ...figures, retention: model.retention?.value ?? null, size_ratio, parameters, bytes };
  };
  const known = wantedOf(expect).filter((wanted) => !isMeasured(wanted));
  return judge(known, { student: figuresOf('student'), teacher: figuresOf('teacher') });
}
