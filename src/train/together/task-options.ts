import type { Foreseen, OptionProblem } from '../../engine/step.js';
import type { Stage, TrainOptions } from '../../options/train.js';
import type { TrainMultitaskOptions } from '../../options/train-multitask.js';

/** A task of `train-multitask` as a `train` step would have it: one stage. */
export function taskOptions(options: TrainMultitaskOptions, task: number): TrainOptions & { readonly stages: [Stage] } {
  const {
    tasks,
    sampling: _,
    weights: __,
    updates,
    validate,
    learning_rate,
    warmup,
    schedule,
    freeze,
    ...rest
  } = options;
  const { task: kind, objectives, validation, metric } = tasks[task] as TrainMultitaskOptions['tasks'][number];
  // Without rows to judge it by, a task learns unjudged beside the others.
  const judged = validate && validation !== undefined && { ...validate, ...(metric && { metric }) };
  const stage: Stage = {
    objectives: objectives as Stage['objectives'],
    updates,
    learning_rate,
    warmup,
    schedule,
    freeze,
    ...(judged && { validate: judged }),
  };
  return { ...rest, task: kind, stages: [stage] };
}

/** What is known of a task's own inputs, as a `train` step would know it. */
export const knownOf =
  ({ tasks }: TrainMultitaskOptions, task: number, known: Foreseen): Foreseen =>
  (input) => {
    const own = input === 'data' || input === 'validation' || input === 'teacher';
    if (!own) return known(input);
    const number = tasks[task]?.[input];
    return number === undefined ? [] : [known(input)[number - 1]];
  };

/** A problem of a task, as `train` says it, at its place among the options of `train-multitask`. */
export const placed = ({ pointer, ...words }: OptionProblem, task: number): OptionProblem => ({
  ...words,
  pointer: pointer.startsWith(STAGE) ? `/tasks/${task}${pointer.slice(STAGE.length)}` : pointer,
});

/** Where `train` has what a task has here. */
const STAGE = '/stages/0';
