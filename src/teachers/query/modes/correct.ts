/** Where a row's right answer is, and where a response has its own. */
export interface Correct {
  readonly field: string;
  /** A regular expression; undefined: a response is its answer as a whole. */
  readonly pattern?: string | undefined;
}

/**
 * Whether a response answers what is right: the same number, or the same words however they are spaced, written large or
 * followed by a full stop. Of several matches of the pattern the last counts, as what is thought aloud comes before it.
 */
export function isCorrect(response: string, right: string, { pattern }: Pick<Correct, 'pattern'>): boolean {
  const answer = pattern === undefined ? response : lastMatch(response, new RegExp(pattern, 'gu'));
  if (answer === undefined) return false;
  const [mine, theirs] = [plain(answer), plain(right)];
  if (mine === theirs) return true;
  const [a, b] = [numberIn(mine), numberIn(theirs)];
  return a !== undefined && a === b;
}

function lastMatch(text: string, pattern: RegExp): string | undefined {
  const found = [...text.matchAll(pattern)].at(-1);
  return found && (found[1] ?? found[0]);
}

const plain = (text: string): string => text.trim().replace(/\s+/gu, ' ').replace(/\.$/u, '').toLowerCase();

/** A number with or without commas between its thousands. */
function numberIn(text: string): number | undefined {
  const digits = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/u.test(text) ? text.replaceAll(',', '') : text;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/u.test(digits) ? Number(digits) : undefined;
}
