import { distance } from 'fastest-levenshtein';
import { quote } from './words.js';

/** The candidate that a misspelt name most likely means, or undefined if none is near. Ties go to the first. */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  const letters = spelling(name);
  // Two letters in five may be wrong, so that swapped ones are found in short names.
  const limit = name.length < 3 ? 0 : Math.max(1, Math.round(name.length * 0.4));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const d = distanceBetween(letters, spelling(candidate), limit);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** An abbreviation (`temp`) is as near as the limit allows; lengths too different are not compared. */
function distanceBetween(name: string, candidate: string, limit: number): number {
  if (limit > 0 && candidate.startsWith(name)) return Math.min(limit, candidate.length - name.length);
  return Math.abs(candidate.length - name.length) > limit ? Number.POSITIVE_INFINITY : distance(name, candidate);
}

/** `softLabel`, `soft_label` and `soft-label` are one spelling. */
const spelling = (name: string): string => name.replace(/[-_\s]/g, '').toLowerCase();

/** `Did you mean "temperature"?`, or undefined. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  return askAbout(closest(name, candidates));
}

export function askAbout(candidate: string | undefined): string | undefined {
  return candidate === undefined ? undefined : `Did you mean ${quote(candidate)}?`;
}
