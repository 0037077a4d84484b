import type { OptionProblem } from '../engine/step.js';
import type { Choice } from '../options/choose-data.js';
import { methodOf } from './methods/index.js';

/** Whether a method has as many caches of logits as it reads. */
export function logitsMisfits(by: Choice, bound: number): OptionProblem[] {
  const { logits } = methodOf(by);
  const pointer = '/by';
  if (logits === 'none' && bound > 0) {
    return [{ pointer, message: `"${by.type}" reads no logits`, hint: 'Leave the input "logits" out.' }];
  }
  if (logits === 'one' && bound !== 1) {
    const hint = 'Bind "logits" to what cache-logits keeps of the rows; of several models: by: disagreement.';
    return [{ pointer, message: `"${by.type}" reads the logits of one model, and is given ${bound}`, hint }];
  }
  if (logits === 'several' && bound < 2) {
    const hint = 'Bind "logits" to a list of two caches or more.';
    return [{ pointer, message: `"${by.type}" compares the logits of models, and is given ${bound}`, hint }];
  }
  return [];
}
