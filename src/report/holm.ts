/**
 * p values of several tests, raised so that they hold together (Holm 1979, A Simple Sequentially Rejective Multiple Test
 * Procedure): the probability that any of those below α is there by chance is at most α.
 */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] as number) - (values[b] as number));
  const adjusted = new Array<number>(values.length);
  let least = 0;
  for (const [place, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (values[i] as number) * (values.length - place)));
    adjusted[i] = least;
  }
  return adjusted;
}
