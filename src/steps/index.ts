import type { AnyStep } from '../engine/step.js';
import { augmentData } from './augment-data.js';
import { cacheLogits } from './cache-logits.js';
import { chooseData } from './choose-data.js';
import { designStudent } from './design-student.js';
import { ensembleTeachers } from './ensemble-teachers.js';
import { evaluate } from './evaluate.js';
import { evaluateMatching } from './evaluate-matching.js';
import { evaluateResponses } from './evaluate-responses.js';
import { exportModel } from './export.js';
import { importModel } from './import-model.js';
import { learningCurve } from './learning-curve.js';
import { makePairs } from './make-pairs.js';
import { onlineDistill } from './online-distill.js';
import { queryTeacher } from './query-teacher.js';
import { sampleData } from './sample-data.js';
import { selfDistill } from './self-distill.js';
import { synthesizeData } from './synthesize-data.js';
import { train } from './train.js';
import { trainMultitask } from './train-multitask.js';
import { trainTokenizer } from './train-tokenizer.js';

/** Every step there is, in the order of a recipe: add a module, its schema, and a line here. */
export const steps: readonly AnyStep[] = [
  sampleData,
  chooseData,
  makePairs,
  importModel,
  queryTeacher,
  synthesizeData,
  trainTokenizer,
  designStudent,
  train,
  learningCurve,
  selfDistill,
  onlineDistill,
  trainMultitask,
  augmentData,
  cacheLogits,
  ensembleTeachers,
  evaluate,
  evaluateMatching,
  evaluateResponses,
  exportModel,
];
