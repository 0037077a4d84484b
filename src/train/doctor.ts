import type { Gradient, HostTensors, Runner } from '../backend/runner.js';
import { aloneFeeds } from './feeds.js';
import type { Stage } from './stage.js';

/** Looks at how much each objective moves the model: a badly scaled loss is seen here and nowhere else. */

/** By so many times one objective may move the model more than another. */
const FACTOR = 100;

/** Whether an update, counted from 1, is one that is examined: the first, the tenth, and every 200th. */
export const examined = (update: number): boolean => update === 1 || update === 10 || update % 200 === 0;

/**
 * The norm of each objective's gradient with its weight, by the model's own parameters.
 *
 * @param feeds of a batch, with the numbers of the update
 * @param model names of the model's parameters: projections and the like are not of it
 */
export async function examine(
  runner: Runner,
  stage: Stage,
  parameters: HostTensors,
  feeds: HostTensors,
  model: readonly string[],
): Promise<number[]> {
  const norms: number[] = [];
  for (let i = 0; i < stage.over.length; i++) {
    // The weights are fed, so that what is compiled for the stage serves here too.
    const alone = { ...feeds, ...aloneFeeds(feeds, stage.over.length, i) };
    const { gradients } = await runner.gradients(stage.fn, parameters, alone);
    norms.push(normOf(model.flatMap((name) => gradients[name] ?? [])));
  }
  return norms;
}

function normOf(gradients: readonly Gradient[]): number {
  return Math.sqrt(gradients.reduce((sum, gradient) => sum + squares(denseRows(gradient)), 0));
}

const squares = (numbers: Float32Array): number => numbers.reduce((sum, x) => sum + x * x, 0);

/** Rows of the same id added up. */
function denseRows(gradient: Gradient): Float32Array {
  if ('dense' in gradient) return gradient.dense;
  const { rows, ids, width } = gradient;
  const places = new Map<number, number>();
  for (const id of ids) if (!places.has(id)) places.set(id, places.size);
  const sums = new Float32Array(places.size * width);
  ids.forEach((id, row) => {
    const to = (places.get(id) as number) * width;
    for (let k = 0; k < width; k++) sums[to + k] = (sums[to + k] as number) + (rows[row * width + k] as number);
  });
  return sums;
}

/**
 * A sentence for each objective that moves the model a hundred times more, or less, than all others; an objective that
 * does not move it at all (it applies to no row of the batch, or its weight is 0) is passed over.
 */
export function complaints(norms: readonly number[], names: readonly string[]): string[] {
  const moving = norms.flatMap((norm, i) => (norm > 0 ? [{ norm, name: names[i] as string }] : []));
  const told = moving.map(({ norm, name }) => `${name} ${norm.toPrecision(3)}`).join(', ');
  return moving.flatMap((one) => {
    const others = moving.filter((other) => other !== one).map(({ norm }) => norm);
    if (others.length === 0) return [];
    const [least, most] = [Math.min(...others), Math.max(...others)];
    const more = one.norm / most;
    const less = least / one.norm;
    if (more < FACTOR && less < FACTOR) return [];
    const factor = Math.round(Math.max(more, less));
    const how = more >= FACTOR ? 'more' : 'less';
    // Of two objectives one is as far above as the other is below: that is said once.
    if (moving.length === 2 && how === 'less') return [];
    return [
      `objective "${one.name}" moves the model ${factor} times ${how} than any other (norms of the gradients: ${told}): look at the weights`,
    ];
  });
}
