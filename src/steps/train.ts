import { defineStep, either, list, optional } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';
import { refuseTraining } from '../teachers/claims.js';
import { asksOfTeacher, modelFacts, output } from '../train/foresight.js';
import { inputMisfits } from '../train/input-misfits.js';
import { modelProblems } from '../train/model-problems.js';
import { problemsOf } from '../train/problems.js';
import { studentProblems } from '../train/student.js';

export const train = defineStep<TrainOptions>({
  name: 'train',
  version: 7,
  summary: 'Trains a teacher, a student or a yardstick, in one or more stages',
  inputs: {
    data: list('dataset'),
    tokenizer: optional('tokenizer'),
    teacher: { ...either(list('logits'), 'model'), optional: true },
    student: optional('student-design'),
    init: optional('model'),
    validation: optional('dataset'),
  },
  // Of what is trained to its optimum there is no history.
  outputs: { model: 'model', history: 'history' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  produces: ({ model }) => (model?.type === 'logistic' ? ['model'] : ['model', 'history']),
  problems: (options) => [...studentProblems(options), ...modelProblems(options), ...problemsOf(options)],
  foresees: (options, known) => output('model', modelFacts(options, known)),
  misfits: async (options, known) => {
    const found = inputMisfits(options, known);
    if (found.length > 0 || !asksOfTeacher(options, known)) return found;
    return (await import('../train/misfits.js')).misfitsOf(options, known);
  },
  refuses: ({ task }, claims) => refuseTraining(claims, task === 'generation'),
  run: async (ctx) => (await import('../train/run.js')).run(ctx),
});
