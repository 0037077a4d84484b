/**
 * A located error or warning, as a good compiler prints it. Everything the engine expects to go wrong while reading
 * a recipe is a value of this type; all of a file's errors are collected before any is shown.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable, kebab-case; docs and tests refer to it, e.g. `unknown-option`, `cycle`. */
  readonly code: string;
  /** One sentence: what is wrong. */
  readonly message: string;
  /** What to do, if it is not obvious, e.g. `Did you mean "temperature"?`. */
  readonly hint?: string;
  readonly file: string;
  /** 1-based. 0 when the error is about the file as a whole (missing, empty, not UTF-8). */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
  /** Characters to underline, at least 1. */
  readonly length: number;
}

/** An expected outcome is a value; a `throw` is a bug. */
export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
