import { Random } from '../../util/random.js';

/**
 * The share of updates of each task: pᵢ ∝ nᵢ^(1/T) (temperature-scaled mixing, Raffel et al. 2020, arXiv:1910.10683,
 * §3.5.2, without its limit on sizes). T = 1 are their shares of all rows, T → ∞ equal ones.
 *
 * @param sizes rows of each task
 * @param temperature greater than 0
 */
export function sharesOf(sizes: readonly number[], temperature: number): number[] {
  // Of the largest, so that no power overflows.
  const largest = Math.max(...sizes);
  const powers = sizes.map((n) => (n / largest) ** (1 / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Whose turn it is in each update: drawn by the seed, the same ones again in a run that is resumed. */
export class Turns {
  /** Updates that each task gets. */
  readonly counts: readonly number[];
  private readonly turns: readonly { readonly task: number; readonly own: number }[];

  /** @param shares as `sharesOf` gives them */
  constructor(shares: readonly number[], updates: number, seed: number) {
    const random = new Random(seed, 'tasks');
    const counts = shares.map(() => 0);
    this.turns = Array.from({ length: updates }, () => {
      const task = draw(shares, random.uniform());
      const own = counts[task] as number;
      counts[task] = own + 1;
      return { task, own };
    });
    this.counts = counts;
  }

  /** The task of an update, the first being 0, and which of that task's updates it is. */
  at(update: number): { readonly task: number; readonly own: number } {
    return this.turns[update] as (typeof this.turns)[number];
  }
}

/** @param point uniform in [0, 1) */
function draw(shares: readonly number[], point: number): number {
  let below = 0;
  for (const [task, share] of shares.entries()) {
    below += share;
    if (point < below) return task;
  }
  return shares.length - 1; // what rounding leaves
}
