import type { Diagnostic } from './diagnostic.js';
import type { Place } from './plan.js';
import { child, parent } from './pointer.js';

/** What is wrong with a value of the recipe; where it stands in the text is looked up later. */
export interface Issue {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** JSON pointer of what is wrong. Under `at: 'key'` its key is shown, else its value. */
  readonly pointer: string;
  readonly at: 'key' | 'value';
  /** A part of the value to underline instead of all of it, and which of its occurrences (from 0). */
  readonly part?: { readonly text: string; readonly nth: number };
  /** Of an unknown key: the one that is probably meant. */
  readonly meant?: string;
  /** Of a missing key: its name. */
  readonly missing?: string;
}

/** Leaves out keys that are missing only because they are misspelt, which is an issue of its own. */
export function withoutEchoes(issues: readonly Issue[]): Issue[] {
  const meant = new Set(issues.flatMap((i) => (i.meant === undefined ? [] : [child(parent(i.pointer), i.meant)])));
  return issues.filter((i) => i.missing === undefined || !meant.has(child(i.pointer, i.missing)));
}

/** A diagnostic from an issue and the place it was found at. */
export function toDiagnostic(issue: Issue, file: string, place: Place): Diagnostic {
  const hint = issue.hint === undefined ? {} : { hint: issue.hint };
  return { severity: 'error', code: issue.code, message: issue.message, ...hint, file, ...place };
}

/** By position, the whole file first; the same error at the same place only once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const unique = new Map(
    diagnostics.map((d) => [JSON.stringify([d.file, d.line, d.column, d.code, d.message, d.hint]), d]),
  );
  const files = new Map([...unique.values()].map((d, i) => [d.file, i] as const).reverse());
  return [...unique.values()].sort(
    (a, b) => (files.get(a.file) ?? 0) - (files.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}
