import { StepFailure } from '../engine/step.js';
import type { Role } from '../report/evaluate.js';
import { type Expectation, pointerOf } from '../report/expect.js';
import { figureText } from '../report/table.js';

/** @throws StepFailure if a model is not what was expected of it */
export function refuseMissed(
  expectations: readonly Expectation[],
  models: readonly { readonly name: string; readonly role: Role }[],
): void {
  const missed = expectations.filter(({ met }) => !met);
  const [first] = missed;
  if (first === undefined) return;
  const groups = (['student', 'teacher'] as const).flatMap((role) => {
    const own = missed.filter(({ figure }) => figure.startsWith('teacher.') === (role === 'teacher'));
    if (own.length === 0) return [];
    const list = own.map((each) => {
      return `${each.figure.replace('teacher.', '')} is ${figureText(each)}, expected ${each.expected}`;
    });
    const name = models.find((model) => model.role === role)?.name;
    return [`${name} misses what the recipe expects${role === 'teacher' ? ' of the teacher' : ''}: ${list.join('; ')}`];
  });
  const ofTeacher = first.figure.startsWith('teacher.');
  const hint = ofTeacher
    ? 'What it does not know it cannot teach: train it longer, on more rows, or larger.'
    : undefined;
  throw new StepFailure('expectation', groups.join('. '), hint, pointerOf(first));
}
