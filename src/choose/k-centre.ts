import { lowerNearest, meanOf, pointOf, squaredDistance, type Vectors } from './vectors.js';

/**
 * Greedy k-centre (Gonzalez 1985, Theoretical Computer Science 38; as core-sets, Sener & Savarese 2018,
 * arXiv:1708.00489, algorithm 1): again and again the row that is farthest from all centres. The largest distance that is
 * left is at most twice the least that so many centres can have. Of rows that are as far the first is taken. O(n · k), and
 * beside the vectors one number a row.
 *
 * @param before rows that are centres already
 * @param onCentre awaited after each centre with how many there are
 * @returns `count` rows in the order in which they became centres; without others the first is the one nearest to the mean
 */
export async function kCentre(
  vectors: Vectors,
  count: number,
  before: number,
  onCentre: (done: number) => Promise<void> = async () => {},
): Promise<Int32Array> {
  const nearest = new Float64Array(vectors.count).fill(Number.POSITIVE_INFINITY);
  const take = (row: number): void => {
    lowerNearest(vectors, pointOf(vectors, row), nearest);
    // No row twice, not even where all that is left is like one that is taken.
    nearest[row] = -1;
  };
  for (let row = 0; row < before; row++) {
    take(row);
    await onCentre(0);
  }
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const next = i === 0 && before === 0 ? nearestTo(vectors, meanOf(vectors)) : farthest(nearest);
    order[i] = next;
    take(next);
    await onCentre(i + 1);
  }
  return order;
}

function farthest(nearest: Float64Array): number {
  let best = 0;
  for (let row = 1; row < nearest.length; row++) {
    if ((nearest[row] as number) > (nearest[best] as number)) best = row;
  }
  return best;
}

function nearestTo({ data, count, width }: Vectors, point: Float64Array): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let row = 0; row < count; row++) {
    const distance = squaredDistance(data, row * width, point, 0, width, least);
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}
