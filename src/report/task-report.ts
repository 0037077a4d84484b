import type { Json } from '../util/json.js';
import { bootstrapped, type Ratio } from './compare.js';
import { inReadingOrder, type Role, type TrainedOn } from './evaluate.js';
import { type Expect, type Expectation, type Figures, isMeasured, judge, wantedOf } from './expect.js';
import { type Interval, RESAMPLES } from './intervals.js';
import { type FieldedRow, type SlicedField, slicesOf } from './slices.js';
import type { TaskFigure } from './task-figures.js';
import { beginningOf, type TaskMistake, worstRows } from './worst.js';

/** How well one model did on the test rows. */
export interface Judgement {
  /** In the order of the table; NaN where one has no value. */
  readonly figures: Readonly<Partial<Record<TaskFigure, number>>>;
  /** The figure that models are compared by, of some rows, which may repeat. */
  readonly main: (sample: Int32Array) => number;
  /** Of each row, how wrong its answer is: 0 if it is right. */
  readonly badness: Float64Array;
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
  /** The figure that models are compared by, with the teacher's answers as what is right; undefined without a teacher. */
  readonly agreement: ((sample: Int32Array) => number) | undefined;
  /** What is right of a row, what the model says, and what the teacher says, null without one. */
  readonly mistake: (row: number) => Omit<TaskMistake, 'id' | 'text'>;
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
  /** The same figure of its answers with the teacher's as what is right; null for the teacher and without one. */
  readonly agreement: Ratio | null;
  readonly size_ratio: number | null;
  /** That figure minus the baseline's; null for the baseline and without one. */
  readonly ahead_of_baseline: Ratio | null;
  readonly details: Readonly<Record<string, Json>>;
  readonly worst_errors: readonly TaskMistake[];
}

/** Of the rows that have one value of a field. */
export interface TaskSlice {
  /** The figure that models are compared by; null where it has no value. */
  readonly value: number | null;
}

/** `report.json` of a task other than classification: nothing that differs from run to run. */
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
  /** By the fields of the option `slices`. */
  readonly slices: readonly SlicedField<TaskSlice>[];
  /** What the first student and the teacher had to reach. */
  readonly expectations: readonly Expectation[];
}

export interface TaskEvaluation {
  readonly title: string;
  readonly task: string;
  readonly labels: readonly string[];
  readonly rows: readonly (FieldedRow & { readonly id: string; readonly text: string })[];
  /** Rows of which nothing is known. */
  readonly unlabelled: number;
  readonly main: TaskFigure;
  readonly models: readonly Judged[];
  /** Fields of the rows. */
  readonly slices: readonly string[];
  /** A comparison a figure: `{entity_f1: '>= 0.9'}`. */
  readonly expect: Expect;
  /** Of the bootstrap. */
  readonly seed: number;
}

const known = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function taskReport(evaluation: TaskEvaluation): TaskReport {
  const { title, task, labels, rows, unlabelled, main, models, slices, expect, seed } = evaluation;
  const ofRole = (role: Role) => models.find((model) => model.role === role);
  const [teacher, baseline] = [ofRole('teacher'), ofRole('baseline')];
  const ordered = inReadingOrder(models);
  const reports = ordered.map((model): TaskModelReport => {
    const own = model.judgement.main;
    const above = teacher && teacher !== model ? teacher.judgement.main : undefined;
    const below = baseline && baseline !== model ? baseline.judgement.main : undefined;
    const [itself, retention, ahead, agreement] = bootstrapped(
      rows.length,
      [
        own,
        above && ((sample: Int32Array) => own(sample) / above(sample)),
        below && ((sample: Int32Array) => own(sample) - below(sample)),
        model.agreement,
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
      figures: Object.fromEntries(Object.entries(model.judgement.figures).map(([name, value]) => [name, known(value)])),
      interval: itself?.interval ?? null,
      retention: retention ?? null,
      agreement: agreement ?? null,
      size_ratio: above && teacher ? model.parameters / teacher.parameters : null,
      ahead_of_baseline: ahead ?? null,
      details: model.judgement.details,
      worst_errors: worstRows(rows, model.judgement.badness).map((row): TaskMistake => {
        const { id, text } = rows[row] as (typeof rows)[number];
        return { id, text: beginningOf(text), ...model.mistake(row) };
      }),
    };
  });
  return {
    title,
    task,
    labels,
    test: { rows: rows.length, unlabelled },
    bootstrap: { resamples: RESAMPLES, seed },
    compared_by: main,
    models: reports,
    slices: slicesOf(rows, slices, (sample) =>
      ordered.map(({ judgement }) => ({ value: known(judgement.main(sample)) })),
    ),
    expectations: expectationsOf(reports, expect),
  };
}

/** Holds the figures of the first student and of the teacher against what was expected of them. */
function expectationsOf(models: readonly TaskModelReport[], expect: Expect): Expectation[] {
  const figuresOf = (role: Role): Figures => {
    const model = models.find((each) => each.role === role);
    if (model === undefined) return {};
    const { figures, parameters, bytes, size_ratio } = model;
    const retention = model.retention?.value ?? null;
    return { ...figures, retention, agreement: model.agreement?.value ?? null, size_ratio, parameters, bytes };
  };
  const wanted = wantedOf(expect).filter((each) => !isMeasured(each));
  return judge(wanted, { student: figuresOf('student'), teacher: figuresOf('teacher') });
}
