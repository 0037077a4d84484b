import type { Calibration } from './calibration.js';
import { type Answers, against, agreementOf, type Ratio, retentionOf, type Share } from './compare.js';
import { type Expect, type Expectation, type Figures, isMeasured, judge, wantedOf } from './expect.js';
import { RESAMPLES, wilson } from './intervals.js';
import { argmaxRows, confusionOf, type LabelQuality, qualityOf } from './metrics.js';
import { probabilityQuality } from './probabilities.js';
import { type SliceQuality, sliceQuality } from './slice-quality.js';
import { type SlicedField, slicesOf } from './slices.js';
import { type WrongAnswer, worstErrors } from './worst.js';

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
  /** Rows that it did not answer, by number; their logits favour a wrong label. Absent where it answered all. */
  readonly unanswered?: ReadonlySet<number>;
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
  readonly text: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** `report.json`: nothing that differs from run to run. */
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
  /** By the fields of the option `slices`. */
  readonly slices: readonly SlicedField<SliceQuality>[];
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
  /** F1 over all labels together: of one label a text the accuracy. */
  readonly micro_f1: number;
  /** Matthews' correlation coefficient. */
  readonly mcc: number;
  /** Null where all rows have one label. */
  readonly roc_auc: number | null;
  /** In nats. */
  readonly log_loss: number;
  readonly brier: number;
  readonly calibration: Calibration;
  readonly errors: number;
  /** Rows without an answer: they are errors, and what is said of probabilities is of the others. */
  readonly unanswered: number;
  readonly per_label: readonly LabelQuality[];
  readonly confusion: readonly (readonly number[])[];
  /** Against the teacher; null for the teacher and without one. */
  readonly retention: { readonly macro_f1: Ratio; readonly accuracy: Ratio } | null;
  /** Share of the rows that get the teacher's label, right or wrong, of those that it answered; null for the teacher and without one. */
  readonly agreement: Share | null;
  readonly size_ratio: number | null;
  /** Against the baseline; null for the baseline and without one. */
  readonly baseline: {
    readonly error_ratio: Ratio;
    readonly only_this_wrong: number;
    readonly only_baseline_wrong: number;
    readonly mcnemar_p: number;
  } | null;
  /** The most confident first. */
  readonly worst_errors: readonly WrongAnswer[];
}

export interface Evaluation {
  readonly title: string;
  readonly labels: readonly string[];
  readonly rows: readonly LabelledRow[];
  readonly unlabelled: number;
  readonly models: readonly Evaluated[];
  /** Fields of the rows. */
  readonly slices: readonly string[];
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
export function reportOf(evaluation: Evaluation): Report {
  const { title, labels, rows, unlabelled, models, slices, expect, seed } = evaluation;
  const position = new Map(labels.map((label, k) => [label, k]));
  const truth = Int32Array.from(rows, ({ label }) => position.get(label) as number);
  const answers = new Map(models.map((model) => [model, argmaxRows(model.logits, labels.length)]));
  const teacher = models.find(({ role }) => role === 'teacher');
  const baseline = models.find(({ role }) => role === 'baseline');

  const ordered = inReadingOrder(models);
  const reports = ordered.map((model): ModelReport => {
    const predicted = answers.get(model) as Int32Array;
    const mine: Answers = { truth, predicted, labels: labels.length };
    const quality = qualityOf(confusionOf(truth, predicted, labels.length), labels);
    const answered = answeredOf(model, truth, labels.length);
    const probabilities = probabilityQuality(answered.truth, answered.logits, labels.length);
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
      micro_f1: quality.accuracy,
      mcc: quality.mcc,
      roc_auc: probabilities.rocAuc,
      log_loss: probabilities.logLoss,
      brier: probabilities.brier,
      calibration: probabilities.calibration,
      errors: quality.errors,
      unanswered: model.unanswered?.size ?? 0,
      per_label: quality.perLabel,
      confusion: quality.confusion,
      retention: retention ? { macro_f1: retention.macroF1, accuracy: retention.accuracy } : null,
      agreement:
        retention && teacher ? agreementOf(predicted, answers.get(teacher) as Int32Array, teacher.unanswered) : null,
      size_ratio: retention && model.parameters && teacher?.parameters ? model.parameters / teacher.parameters : null,
      baseline: compared
        ? {
            error_ratio: compared.errorRatio,
            only_this_wrong: compared.onlyModelWrong,
            only_baseline_wrong: compared.onlyBaselineWrong,
            mcnemar_p: compared.mcnemarP,
          }
        : null,
      worst_errors: worstErrors(rows, labels, model, teacher === model ? undefined : teacher),
    };
  });
  return {
    title,
    labels,
    test: { rows: rows.length, unlabelled },
    bootstrap: { resamples: RESAMPLES, seed },
    models: reports,
    slices: slicesOf(rows, slices, (sample) =>
      ordered.map((model) => sliceQuality(sample, truth, answers.get(model) as Int32Array, labels)),
    ),
    expectations: judge(
      wantedOf(expect).filter((wanted) => !isMeasured(wanted)),
      {
        student: figuresOf(reports.find(({ role }) => role === 'student')),
        teacher: figuresOf(reports.find(({ role }) => role === 'teacher')),
      },
    ),
  };
}

/** The rows that a model answered. */
function answeredOf({ logits, unanswered }: Evaluated, truth: Int32Array, labels: number) {
  if (unanswered === undefined || unanswered.size === 0) return { truth, logits };
  return {
    truth: truth.filter((_, row) => !unanswered.has(row)),
    logits: logits.filter((_, i) => !unanswered.has(Math.floor(i / labels))),
  };
}

const figuresOf = (model: ModelReport | undefined): Figures =>
  model === undefined
    ? {}
    : {
        retention: model.retention?.macro_f1.value ?? null,
        size_ratio: model.size_ratio,
        agreement: model.agreement?.value ?? null,
        macro_f1: model.macro_f1,
        accuracy: model.accuracy,
        micro_f1: model.micro_f1,
        roc_auc: model.roc_auc,
        mcc: model.mcc,
        log_loss: model.log_loss,
        brier: model.brier,
        ece: model.calibration.ece,
        parameters: model.parameters,
        bytes: model.bytes,
      };
