import type { OptionProblem } from '../engine/step.js';
import type { Objective, TrainOptions } from '../options/train.js';

/** What is wrong with the options of `train` that no schema can say. */
export function problemsOf({ stages }: TrainOptions): OptionProblem[] {
  return (stages ?? []).flatMap(({ objectives }, stage) =>
    objectives.flatMap((entry, i) =>
      problemsOfObjective(entry).map((problem) => ({
        ...problem,
        pointer: `/stages/${stage}/objectives/${i}${problem.pointer}`,
      })),
    ),
  );
}

function problemsOfObjective(entry: Objective): OptionProblem[] {
  if (entry.type === 'soft-label' && entry.divergence.type === 'mse' && entry.temperature !== 1) {
    const message = 'divergence "mse" compares logits as they are and has no temperature';
    return [{ pointer: '/temperature', message, hint: 'Leave one of the two out.' }];
  }
  if (entry.type === 'attention' && entry.distance === 'kl' && entry.of === 'scores') {
    const message = 'distance "kl" is one between probabilities, and scores are none';
    return [{ pointer: '/distance', message, hint: 'Add of: probabilities.' }];
  }
  return [];
}
