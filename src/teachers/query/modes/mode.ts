import type { Row } from '../../../data/dataset.js';
import type { JsonObject } from '../../../util/json.js';
import type { Choice } from '../reply.js';

/** What became of one choice of an answer: a value, or why it is none and what to tell the teacher. */
export type Reading<Value> = { readonly value: Value } | { readonly invalid: string; readonly correction: string };

/** One kind of work that a teacher does on rows; `modes/index.ts` lists them. */
export interface Mode<Value> {
  /** Used where the recipe has none. `user` is a template. */
  readonly system: string;
  readonly user: string;
  /** JSON Schema of the answer for servers that hold the model to one; undefined: the answer is plain text. */
  readonly schema: JsonObject | undefined;
  /** Most tokens of an answer, unless the recipe says. */
  readonly mostTokens: number;
  /** How many answers to each row, and how random they are. */
  readonly samples: number;
  readonly temperature: number;
  /** What of a row is asked about one by one, as further fields for the template; without it, the row as a whole. */
  subjects?(row: Row): readonly Readonly<Record<string, string>>[];
  /** Which of several answers to the same question a row asks for; without it, the first. */
  sample?(row: Row): number;
  /** Reads one answer to a row. */
  read(choice: Choice, row: Row): Reading<Value>;
  /** The row with its answers, the samples of each subject in order; undefined: nothing is left of it. */
  write(row: Row, values: readonly Value[]): Row | undefined;
}

/** The JSON object that an answer is, also inside a code block or behind an introduction. */
export function jsonIn(text: string): JsonObject | undefined {
  const start = text.indexOf('{');
  const end = text.lastIndexOf('}');
  if (start < 0 || end < start) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(start, end + 1));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** Why a choice is no answer at all, whatever was asked. */
export function noAnswer({ text, refusal, finish }: Choice): string | undefined {
  if (refusal !== undefined) return `refused: ${refusal.slice(0, 200)}`;
  if (finish === 'content_filter') return 'stopped by the content filter';
  if (finish === 'refusal') return 'refused';
  if (finish === 'length') return 'cut off at max_tokens';
  return text.trim() === '' ? 'empty' : undefined;
}
