import type { OptionProblem } from '../engine/step.js';
import type { LearningCurveOptions } from '../options/learning-curve.js';
import { METRICS } from './metrics.js';

/** A task without a curve, or a metric that is another task's. */
export function metricProblems({ task, metric }: Pick<LearningCurveOptions, 'task' | 'metric'>): OptionProblem[] {
  if (task === 'generation' || task === 'masked-language-model') {
    const message = `a learning curve counts rows with an answer that is right, and task "${task}" has none`;
    const hint =
      'What such a model learns is counted in tokens, and judged by their loss: train it on parts of the data with a matrix, and evaluate these.';
    return [{ pointer: '/task', message, hint }];
  }
  const known = METRICS[task];
  if (metric === undefined || known.includes(metric)) return [];
  return [
    { pointer: '/metric', message: `task "${task}" has no metric "${metric}"`, hint: `It has ${known.join(', ')}` },
  ];
}
