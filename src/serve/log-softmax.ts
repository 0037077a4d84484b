/** Natural logarithms of the probabilities that logits stand for, in double precision. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const normalizer = logSumExp(logits);
  return Float64Array.from(logits, (logit) => logit - normalizer);
}

/** ln Σ exp. */
export function logSumExp(logits: Float32Array): number {
  const largest = logits.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}

/** Numbers of the k largest, the largest first; of equal ones the first. */
export function largest(values: Float32Array, k: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (found.length === k && !(value > (values[found[k - 1] as number] as number))) continue;
    let place = found.length;
    while (place > 0 && value > (values[found[place - 1] as number] as number)) place--;
    found.splice(place, 0, i);
    if (found.length > k) found.pop();
  }
  return found;
}
