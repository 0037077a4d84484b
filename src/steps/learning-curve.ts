import { metricProblems } from '../curve/problems.js';
import { saidIn } from '../curve/said.js';
import { defineStep, either, list, one, optional } from '../engine/step.js';
import type { LearningCurveOptions } from '../options/learning-curve.js';
import { refuseTraining } from '../teachers/claims.js';
import { asksOfTeacher } from '../train/foresight.js';
import { inputMisfits } from '../train/input-misfits.js';
import { modelProblems } from '../train/model-problems.js';
import { problemsOf } from '../train/problems.js';

export const learningCurve = defineStep<LearningCurveOptions>({
  name: 'learning-curve',
  version: 2,
  summary:
    'Trains at growing numbers of rows, and says how many more the next point of the metric takes, and their cost',
  inputs: {
    data: one('dataset'),
    test: one('dataset'),
    tokenizer: optional('tokenizer'),
    teacher: { ...either(list('logits'), 'model'), optional: true },
    init: optional('model'),
    validation: optional('dataset'),
    usage: optional('measurement'),
  },
  outputs: { report: 'report', next: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers', 'ml-levenberg-marquardt'],
  problems(options) {
    const twice =
      options.usd_per_row !== undefined && Object.hasOwn(options, 'usage')
        ? [
            {
              pointer: '/usd_per_row',
              message: 'both this and the input "usage" say what a row costs',
              hint: 'Leave one out',
            },
          ]
        : [];
    return [...metricProblems(options), ...modelProblems(options), ...problemsOf(options), ...twice];
  },
  misfits: async (options, known) => {
    const found = inputMisfits(options, known);
    if (found.length > 0 || !asksOfTeacher(options, known)) return found;
    return (await import('../train/misfits.js')).misfitsOf(options, known);
  },
  refuses: (_, claims) => refuseTraining(claims, false),
  recalls: ({ next }) => saidIn(next),
  run: async (ctx) => (await import('../curve/run.js')).run(ctx),
});
