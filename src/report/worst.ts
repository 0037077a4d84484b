import type { Json } from '../util/json.js';
import { argmaxRows, softmax } from './metrics.js';

/** Wrong answers that a person should read, the worst first. */

/** What a model says of a text. */
export interface Answer {
  readonly answer: string;
  readonly probability: number;
}

/** A row whose label a model misses. */
export interface WrongAnswer extends Answer {
  readonly id: string;
  /** Its beginning. */
  readonly text: string;
  readonly label: string;
  /** Null of the teacher, where there is none, and where it did not answer. */
  readonly teacher: Answer | null;
}

/** The same of a task other than classification. */
export interface TaskMistake {
  readonly id: string;
  readonly text: string;
  /** What is right, what the model says and what the teacher says, as far as they differ. */
  readonly truth: Json;
  readonly answer: Json;
  readonly teacher: Json;
}

/** Of a model, at most. */
const MOST = 20;
/** Characters of a text. */
const SHOWN = 300;

/**
 * The rows with the worst answers, by number; of equally bad ones the first by id.
 * @param badness of each row, 0 of one that is right
 */
export function worstRows(rows: readonly { readonly id: string }[], badness: Float64Array): number[] {
  const id = (row: number): string => rows[row]?.id as string;
  return Array.from(badness.keys())
    .filter((row) => (badness[row] as number) > 0)
    .sort((a, b) => (badness[b] as number) - (badness[a] as number) || (id(a) < id(b) ? -1 : 1))
    .slice(0, MOST);
}

/** A text's beginning, never half a character. */
export const beginningOf = (text: string): string =>
  text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1).replace(/[\ud800-\udbff]$/, '')}…`;

/** A model's answers. */
export interface Answered {
  /** [rows, labels] */
  readonly logits: Float32Array;
  /** Rows without an answer, by number. */
  readonly unanswered?: ReadonlySet<number>;
}

/** Where a model is surest of what is wrong. */
export function worstErrors(
  rows: readonly { readonly id: string; readonly text: string; readonly label: string }[],
  labels: readonly string[],
  model: Answered,
  teacher: Answered | undefined,
): WrongAnswer[] {
  const answersOf = ({ logits: all }: Answered) => {
    const best = argmaxRows(all, labels.length);
    return (row: number): Answer => {
      const k = best[row] as number;
      const own = softmax(all.subarray(row * labels.length, (row + 1) * labels.length));
      return { answer: labels[k] as string, probability: own[k] as number };
    };
  };
  const [mine, above] = [answersOf(model), teacher && answersOf(teacher)];
  const badness = Float64Array.from(rows, ({ label }, row) => {
    const { answer, probability } = mine(row);
    return answer === label || model.unanswered?.has(row) ? 0 : probability;
  });
  return worstRows(rows, badness).map((row): WrongAnswer => {
    const { id, text, label } = rows[row] as (typeof rows)[number];
    return {
      id,
      text: beginningOf(text),
      label,
      ...mine(row),
      teacher: teacher?.unanswered?.has(row) ? null : (above?.(row) ?? null),
    };
  });
}
