import type { EvaluateOptions } from '../../options/evaluate.js';
import type { Exam } from './exam.js';
import { multiLabel } from './multi-label.js';
import { regression } from './regression.js';
import { tagging } from './tagging.js';

/** How each task but classification is judged: add a module and a line (and its figures to `evaluate`'s schema). */
export const exams: Readonly<
  Record<Exclude<EvaluateOptions['task'], 'classification' | 'masked-language-model' | 'generation'>, Exam<unknown>>
> = {
  tagging,
  'multi-label': multiLabel,
  regression,
};
