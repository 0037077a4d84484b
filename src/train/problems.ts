import type { OptionProblem } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';

/** What is wrong with the options of `train` that no schema can say. */
export function problemsOf({ stages }: TrainOptions): OptionProblem[] {
  return (stages ?? []).flatMap(({ objectives }, stage) =>
    objectives.flatMap((entry, i): OptionProblem[] => {
      if (entry.type !== 'soft-label' || entry.divergence.type !== 'mse' || entry.temperature === 1) return [];
      return [
        {
          pointer: `/stages/${stage}/objectives/${i}/temperature`,
          message: 'divergence "mse" compares logits as they are and has no temperature',
          hint: 'Leave one of the two out.',
        },
      ];
    }),
  );
}
