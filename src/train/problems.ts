import type { OptionProblem } from '../engine/step.js';
import { isSchedule } from '../methods/schedules/index.js';
import type { Objective, Stage, TrainOptions } from '../options/train.js';

/** What is wrong with the options of `train` that no schema can say. */
export function problemsOf({ stages }: TrainOptions): OptionProblem[] {
  return (stages ?? []).flatMap((stage: Stage, s) => {
    const at = `/stages/${s}`;
    return [
      ...stage.objectives.flatMap((entry: Objective, i) => {
        const own = `${at}/objectives/${i}`;
        return [...temperatureProblems(entry, own), ...attentionProblems(entry, own)];
      }),
      ...(stage.objectives.every(({ weight }) => weight === 0)
        ? [
            {
              pointer: `${at}/objectives`,
              message: 'the weights of all objectives are 0, so nothing would be learnt',
              hint: 'Give one of them a weight.',
            },
          ]
        : []),
    ];
  });
}

function temperatureProblems(entry: Objective, at: string): OptionProblem[] {
  if (entry.type !== 'soft-label') return [];
  const { temperature, divergence } = entry;
  if (divergence.type === 'mse' && temperature !== 1) {
    return [
      {
        pointer: `${at}/temperature`,
        message: 'divergence "mse" compares logits as they are and has no temperature',
        hint: 'Leave one of the two out.',
      },
    ];
  }
  if (!isSchedule(temperature)) return [];
  return (['from', 'to'] as const).flatMap((end) =>
    temperature[end] > 0
      ? []
      : [{ pointer: `${at}/temperature/${end}`, message: 'a temperature divides, so it is greater than 0' }],
  );
}

function attentionProblems(entry: Objective, at: string): OptionProblem[] {
  if (entry.type !== 'attention' || entry.distance !== 'kl' || entry.of === 'probabilities') return [];
  const message = 'distance "kl" is one between probabilities, and scores are none';
  return [{ pointer: `${at}/distance`, message, hint: 'Add of: probabilities.' }];
}
