/** A model by what it is worth and what it costs. */
export interface Weighed {
  /** More is better. */
  readonly quality: number;
  /** Less is better; null where it is not known. */
  readonly cost: number | null;
}

/**
 * Which models no other one beats: none is as good and cheaper, or better and as cheap. Those whose cost is not known are
 * left out, equal ones stay both.
 */
export function paretoFront(models: readonly Weighed[]): boolean[] {
  return models.map(
    ({ quality, cost }) =>
      cost !== null &&
      !models.some(
        (other) =>
          other.cost !== null &&
          other.quality >= quality &&
          other.cost <= cost &&
          (other.quality > quality || other.cost < cost),
      ),
  );
}
