import type { EvaluateOptions } from '../options/evaluate.js';
import type { TrainOptions } from '../options/train.js';
import { classification } from './classification.js';
import type { Exam, JudgedExam } from './exam.js';
import { matching } from './matching.js';
import { multiLabel } from './multi-label.js';
import { regression } from './regression.js';
import { tagging } from './tagging.js';

/** What `evaluate` judges by an exam. */
export type JudgedTask = Exclude<EvaluateOptions['task'], 'classification' | 'masked-language-model' | 'generation'>;

/** How each task but classification is judged: add a module and a line (and its figures to `evaluate`'s schema). */
export const judgedExams: Readonly<Record<JudgedTask, JudgedExam<unknown>>> = {
  tagging,
  'multi-label': multiLabel,
  regression,
};

/** Every task with a right answer of each row. */
export const exams: Readonly<
  Record<Exclude<TrainOptions['task'], 'masked-language-model' | 'generation'>, Exam<unknown>>
> = {
  ...judgedExams,
  classification,
  'pair-classification': classification,
  matching,
};
