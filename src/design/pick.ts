import { StepFailure } from '../util/failure.js';
import { type LeftOut, nothing } from './candidates.js';
import { nameOf, type Shape } from './shape.js';

/**
 * The proposal that a recipe names, by number or name, or the first.
 * @throws StepFailure if there are none, or none such
 */
export function picked<P extends { readonly shape: Shape }>(
  ranked: readonly P[],
  pick: number | string | undefined,
  leftOut: readonly LeftOut[],
): P {
  if (ranked.length === 0) throw nothing(leftOut);
  const index = typeof pick === 'string' ? ranked.findIndex(({ shape }) => nameOf(shape) === pick) : (pick ?? 1) - 1;
  const found = ranked[index];
  if (found) return found;
  const list = ranked.map(({ shape }, i) => `${i + 1} (${nameOf(shape)})`).join(', ');
  throw new StepFailure('pick', `no proposal is ${JSON.stringify(pick)}`, `There are ${list}.`, '/pick');
}
