import type { Foreseen, OptionProblem } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';

/** Stages that name data or a teacher, counted from 1, that the recipe does not give. */
export function inputMisfits({ stages }: TrainOptions, known: Foreseen): OptionProblem[] {
  const [data, teachers] = [known('data').length, known('teacher').length];
  return (stages ?? []).flatMap((stage, s) => [
    ...beyond('data', data, stage.data, `/stages/${s}/data`),
    ...stage.objectives.flatMap((entry, i): OptionProblem[] => {
      if (!('teacher' in entry)) return [];
      const pointer = `/stages/${s}/objectives/${i}`;
      if (teachers > 0) return beyond('teacher', teachers, entry.teacher, `${pointer}/teacher`);
      const message = `objective "${entry.type}" learns from a teacher, and the input "teacher" is not given`;
      const hint = 'Give the output of a cache-logits step, or a model, as "teacher", or leave the objective out.';
      return [{ pointer, message, hint }];
    }),
  ]);
}

function beyond(input: string, given: number, number: number | undefined, pointer: string): OptionProblem[] {
  if (number === undefined || number <= given) return [];
  const message = `the input "${input}" has ${given}, and this names number ${number}`;
  return [{ pointer, message, hint: 'They are counted from 1.' }];
}
