import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OptionProblem, StepContext } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';

type Model = NonNullable<TrainOptions['model']>;

/**
 * Says that there is no model to train, or two.
 * @param options as the engine checks them: the names of inputs that are given are among the keys
 */
export function studentProblems(options: Pick<TrainOptions, 'model'>): OptionProblem[] {
  const [written, designed] = [options.model !== undefined, Object.hasOwn(options, 'student')];
  if (written && designed) {
    const message = 'both the option "model" and the input "student" say what is to be trained';
    return [{ pointer: '/model', message, hint: 'Leave one out' }];
  }
  if (written || designed) return [];
  const hint = 'Write model: { type: … }, or give the student of a design-student step as "student"';
  return [{ pointer: '', message: 'there is no model to train', hint }];
}

/** The model to train: as the recipe writes it, or as a `design-student` step has picked it. */
export async function modelToTrain(ctx: Pick<StepContext<TrainOptions>, 'options' | 'input'>): Promise<Model> {
  if (ctx.options.model) return ctx.options.model;
  return JSON.parse(await readFile(join(ctx.input('student').path, 'student.json'), 'utf8')) as Model;
}
