import type { Tensor } from '../backend/tf.js';
import type { Head } from '../models/architecture.js';
import type { Objective as ObjectiveOptions, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Objective } from './objective.js';
import { attention } from './objectives/attention.js';
import { contrastive } from './objectives/contrastive.js';
import { cosineMse } from './objectives/cosine-mse.js';
import { embeddings } from './objectives/embeddings.js';
import { gkd } from './objectives/gkd.js';
import { hardLabel } from './objectives/hard-label.js';
import { hardResponse } from './objectives/hard-response.js';
import { hardScore } from './objectives/hard-score.js';
import { hiddenStates } from './objectives/hidden-states.js';
import { inBatchNegatives } from './objectives/in-batch-negatives.js';
import { inBatchSimilarity } from './objectives/in-batch-similarity.js';
import { marginMse } from './objectives/margin-mse.js';
import { maskedLm } from './objectives/masked-lm.js';
import { minillm } from './objectives/minillm.js';
import { softCandidates } from './objectives/soft-candidates.js';
import { softLabel } from './objectives/soft-label.js';
import { softResponse } from './objectives/soft-response.js';
import { softScore } from './objectives/soft-score.js';
import { valueRelation } from './objectives/value-relation.js';
import { asItIs, eachLabel, eachToken } from './questions.js';

/** What a model with a head is trained for. */
interface TaskMethods {
  /** As a recipe names it. */
  readonly task: TrainOptions['task'];
  /** To add one: a module and a line (and its schema to `schemas/objectives/`). */
  readonly objectives: readonly { readonly type: string }[];
  /** Logits of the head as those of single questions, a row each: [n, classes]. */
  questions(logits: Tensor): Tensor;
}

/** What is learnt of a teacher's layers, whatever the task. */
const features = [hiddenStates, attention, embeddings, valueRelation, contrastive] as const;

/** Every task, by the head that learns it. */
const TASKS: Readonly<Partial<Record<Head, TaskMethods>>> = {
  classifier: {
    task: 'classification',
    objectives: [hardLabel, softLabel, ...features],
    questions: asItIs,
  },
  'token-classifier': {
    task: 'tagging',
    objectives: [hardLabel, softLabel, ...features],
    questions: eachToken,
  },
  'multi-label': {
    task: 'multi-label',
    objectives: [hardLabel, softLabel, ...features],
    questions: eachLabel,
  },
  regression: { task: 'regression', objectives: [hardScore, softScore, ...features], questions: asItIs },
  embedding: {
    task: 'matching',
    objectives: [inBatchNegatives, marginMse, softCandidates, cosineMse, inBatchSimilarity],
    questions: asItIs,
  },
  'language-model': { task: 'generation', objectives: [hardResponse, softResponse, gkd, minillm], questions: asItIs },
  'masked-language-model': {
    task: 'masked-language-model',
    objectives: [maskedLm, softResponse, ...features],
    questions: asItIs,
  },
};

/** Throws (a bug) if nothing is learnt with that head. */
export function methodsOf(head: Head): TaskMethods {
  const found = TASKS[head];
  if (found === undefined) throw new Error(`nothing is learnt with head ${head}`);
  return found;
}

/** The head that a task is learnt with. */
export function headOf(task: TrainOptions['task']): Head {
  if (task === 'pair-classification') return 'classifier';
  return Object.entries(TASKS).find(([, methods]) => methods.task === task)?.[0] as Head;
}

/** Which teacher an entry learns from, the first being 0; undefined if it learns from none. */
export const teacherOf = (options: ObjectiveOptions): number | undefined =>
  'teacher' in options ? options.teacher - 1 : undefined;

/**
 * The objective that an entry names.
 * @param head what the model is trained with
 * @throws StepFailure `task` if the objective makes no sense for it
 */
export function objectiveOf(options: ObjectiveOptions, head: Head): Objective<ObjectiveOptions> {
  const { task, objectives } = methodsOf(head);
  const found = objectives.find(({ type }) => type === options.type);
  if (found) return found as Objective<ObjectiveOptions>;
  const known = objectives.map(({ type }) => type).join(', ');
  throw new StepFailure(
    'task',
    `objective "${options.type}" makes no sense for task "${task}"`,
    `A ${task} model learns by ${known}.`,
  );
}
