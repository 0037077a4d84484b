import { type Answers, against, type Ratio, retentionOf } from './compare.js';
import { type Expect, type Expectation, type Figures, isMeasured, judge, wantedOf } from './expect.js';
import { RESAMPLES, wilson } from './intervals.js';
import { argmaxRows, confusionOf, type LabelQuality, qualityOf, softmax } from './metrics.js';

export type Role = 'teacher' | 'student' | 'baseline';

/** A model after it has answered every test row. */
export interface Evaluated {
  /** The step that produced it. */
  readonly name: string;
  readonly role: Role;
  /** Its family: `bert`, `logistic`, … */
  readonly type: string;
  /** Null for a model behind an API. */
  readonly parameters: number | null;
  readonly bytes: number | null;
  readonly trainedOn: TrainedOn | undefined;
  /** [rows, labels] */
  readonly logits: Float32Array;
}

export interface TrainedOn {
  readonly rows: number;
  /** Of these rows, how many had a real label. */
  readonly labelled: number;
  /** Of these rows, how many a model wrote; absent where none. */
  readonly synthetic?: number;
}

export interface LabelledRow {
  readonly id: string;
  readonly label: string;
}

/** `report.json`: figures only, and nothing that differs from run to run. */
export interface Report {
  readonly title: string;
  readonly labels: readonly string[];
  readonly test: {
    readonly rows: number;
    /** Rows that have no label and were left out. */
    readonly unlabelled: number;
  };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** In the order of the table; `predictions.jsonl` has the same order. */
  readonly models: readonly ModelReport[];
  /** What the first student and the teacher had to reach, but for what is measured. */
  readonly expectations: readonly Expectation[];
}

export interface ModelReport {
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number | null;
  readonly bytes: number | null;
  readonly trained_on: TrainedOn | null;
  readonly accuracy: number;
  /** Wilson, 95 %. */
  readonly accuracy_interval: { readonly low: number; readonly high: number };
  readonly macro_f1: number;
  readonly errors: number;
  readonly per_label: readonly LabelQuality[];
  readonly confusion: readonly (readonly number[])[];
  /** Against the teacher; null for the teacher and without one. */
  readonly retention: { readonly macro_f1: Ratio; readonly accuracy: Ratio } | null;
  readonly size_ratio: number | null;
  /** Against the baseline; null for the baseline and without one. */
  readonly baseline: {
    readonly error_ratio: Ratio;
    readonly only_this_wrong: number;
    readonly only_baseline_wrong: number;
    readonly mcnemar_p: number;
  } | null;
}

export interface Evaluation {
  readonly title: string;
  readonly labels: readonly string[];
  readonly rows: readonly LabelledRow[];
  readonly unlabelled: number;
  readonly models: readonly Evaluated[];
  readonly expect: Expect;
  /** Of the bootstrap. */
  readonly seed: number;
}

/**
 * Models as one reads them: the teacher, the students, the baseline that the students are up against, and last the
 * students of another family than the first one, which are there as yardsticks.
 */
export function inReadingOrder<Model extends Pick<Evaluated, 'role' | 'type'>>(models: readonly Model[]): Model[] {
  const family = models.find(({ role }) => role === 'student')?.type;
  const place = ({ role, type }: Model): number =>
    role === 'teacher' ? 0 : role === 'baseline' ? 2 : type === family ? 1 : 3;
  return [...models].sort((a, b) => place(a) - place(b));
}

/** Works out every figure. `rows` and every model's logits are in the same order. */
export function reportOf({ title, labels, rows, unlabelled, models, expect, seed }: Evaluation): Report {
  const position = new Map(labels.map((label, k) => [label, k]));
  const truth = Int32Array.from(rows, ({ label }) => position.get(label) as number);
  const answers = new Map(models.map((model) => [model, argmaxRows(model.logits, labels.length)]));
  const teacher = models.find(({ role }) => role === 'teacher');
  const baseline = models.find(({ role }) => role === 'baseline');

  const reports = inReadingOrder(models).map((model): ModelReport => {
    const predicted = answers.get(model) as Int32Array;
    const mine: Answers = { truth, predicted, labels: labels.length };
    const quality = qualityOf(confusionOf(truth, predicted, labels.length), labels);
    const retention =
      teacher && teacher !== model ? retentionOf(mine, answers.get(teacher) as Int32Array, seed) : undefined;
    const compared =
      baseline && baseline !== model ? against(mine, answers.get(baseline) as Int32Array, seed) : undefined;
    return {
      name: model.name,
      role: model.role,
      type: model.type,
      parameters: model.parameters,
      bytes: model.bytes,
      trained_on: model.trainedOn ?? null,
      accuracy: quality.accuracy,
      accuracy_interval: wilson(rows.length - quality.errors, rows.length),
      macro_f1: quality.macroF1,
      errors: quality.errors,
      per_label: quality.perLabel,
      confusion: quality.confusion,
      retention: retention ? { macro_f1: retention.macroF1, accuracy: retention.accuracy } : null,
      size_ratio: retention && model.parameters && teacher?.parameters ? model.parameters / teacher.parameters : null,
      baseline: compared
        ? {
            error_ratio: compared.errorRatio,
            only_this_wrong: compared.onlyModelWrong,
            only_baseline_wrong: compared.onlyBaselineWrong,
            mcnemar_p: compared.mcnemarP,
          }
        : null,
    };
  });
  return {
    title,
    labels,
    test: { rows: rows.length, unlabelled },
    bootstrap: { resamples: RESAMPLES, seed },
    models: reports,
    expectations: judge(
      wantedOf(expect).filter((wanted) => !isMeasured(wanted)),
      {
        student: figuresOf(reports.find(({ role }) => role === 'student')),
        teacher: figuresOf(reports.find(({ role }) => role === 'teacher')),
      },
    ),
  };
}

const figuresOf = (model: ModelReport | undefined): Figures =>
  model === undefined
    ? {}
    : {
        retention: model.retention?.macro_f1.value ?? null,
        size_ratio: model.size_ratio,
        macro_f1: model.macro_f1,
        accuracy: model.accuracy,
        parameters: model.parameters,
        bytes: model.bytes,
      };

/** Lines of `predictions.jsonl`: a row's id and label, and of each model its label and probabilities (6 decimals). */
export function* predictionLines({ labels, rows, models }: Evaluation): Generator<string> {
  const ordered = inReadingOrder(models).map(({ name, logits }) => ({
    name,
    logits,
    predicted: argmaxRows(logits, labels.length),
  }));
  for (const [i, { id, label }] of rows.entries()) {
    const predictions = ordered.map(({ name, logits, predicted }) => ({
      model: name,
      label: labels[predicted[i] as number],
      probabilities: softmax(logits.subarray(i * labels.length, (i + 1) * labels.length)).map((p) =>
        Number(p.toFixed(6)),
      ),
    }));
    yield `${JSON.stringify({ id, label, predictions })}\n`;
  }
}
