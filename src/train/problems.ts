import type { OptionProblem } from '../engine/step.js';
import { isSchedule } from '../methods/schedules/index.js';
import type { Objective, Stage, TrainOptions } from '../options/train.js';

/** The options as the engine checks them: its inputs are still in them, as references. */
type Given = TrainOptions & { readonly validation?: unknown };

/** What is wrong with the options of `train` that no schema can say. */
export function problemsOf({ stages, task, validation }: Given): OptionProblem[] {
  return (stages ?? []).flatMap((stage: Stage, s) => {
    const at = `/stages/${s}`;
    return [
      ...stage.objectives.flatMap((entry: Objective, i) => {
        const own = `${at}/objectives/${i}`;
        return [...temperatureProblems(entry, own), ...attentionProblems(entry, own)];
      }),
      ...sampleProblems(stage, task, validation, `${at}/samples`),
      ...policyProblems(stage.objectives, `${at}/objectives`),
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

/** Samples are what a model that writes answers to validation rows. */
function sampleProblems(
  { samples }: Stage,
  task: TrainOptions['task'],
  validation: unknown,
  pointer: string,
): OptionProblem[] {
  if (samples === undefined) return [];
  if (task !== 'generation') {
    const message = `task "${task}" takes no "samples": they are what a model writes`;
    return [{ pointer, message, hint: 'Leave it out, or set task: generation.' }];
  }
  if (validation !== undefined) return [];
  const message = '"samples" are written to rows of the input "validation", and there is none';
  return [{ pointer, message, hint: 'Give it one, such as the validation split.' }];
}

/** Objectives that learn from what the student writes: one at most, and something for every batch and every objective. */
function policyProblems(objectives: readonly Objective[], at: string): OptionProblem[] {
  const own = objectives.flatMap((entry, i) => ('student_share' in entry ? [{ entry, i }] : []));
  const [first, second] = own;
  if (!first) return [];
  if (second) {
    const message = `"${first.entry.type}" has the student write in this stage already`;
    return [{ pointer: `${at}/${second.i}`, message, hint: 'Give it a stage of its own.' }];
  }
  const { student_share: share, type } = first.entry;
  const others = objectives.findIndex((_, i) => i !== first.i);
  if (share === 1 && others >= 0) {
    const message = `"${type}" has the student write all batches, so this objective, which learns from the data, learns nothing`;
    return [{ pointer: `${at}/${others}`, message, hint: 'Lower student_share, or give it a stage of its own.' }];
  }
  if (share < 1 && others < 0 && type === 'minillm') {
    const message = 'the batches that the student does not write are for other objectives, and there is none';
    return [{ pointer: `${at}/${first.i}/student_share`, message, hint: 'Add hard-label, or leave it out.' }];
  }
  return [];
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
