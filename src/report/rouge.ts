/**
 * Rouge-L, its F1 (Lin 2004): how much of two texts' words stand in both in the same order. As the `rouge-score` package
 * has it, without stemming: words are runs of a to z and 0 to 9, upper and lower case alike.
 *
 * @returns 0 to 1; 0 where a text has no words
 */
export function rougeL(reference: string, candidate: string): number {
  const [a, b] = [wordsOf(reference), wordsOf(candidate)];
  const common = longestCommonSubsequence(a, b);
  if (common === 0) return 0;
  const [precision, recall] = [common / b.length, common / a.length];
  return (2 * precision * recall) / (precision + recall);
}

/** The reference that a text is nearest to, the first of several, and its Rouge-L; of a missing text 0. */
export function nearestOf(
  references: readonly string[],
  candidate: string | null,
): { readonly reference: string; readonly value: number } {
  return references
    .map((reference) => ({ reference, value: rougeL(reference, candidate ?? '') }))
    .reduce((best, each) => (each.value > best.value ? each : best));
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** How many items the longest sequence has that both have, not necessarily without gaps. */
function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let above = new Int32Array(b.length + 1);
  for (const item of a) {
    const row = new Int32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++) {
      row[j] = item === b[j - 1] ? (above[j - 1] as number) + 1 : Math.max(above[j] as number, row[j - 1] as number);
    }
    above = row;
  }
  return above[b.length] as number;
}
