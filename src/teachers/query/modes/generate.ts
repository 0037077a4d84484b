import type { Row } from '../../../data/dataset.js';
import { fieldsOf } from '../../../data/template.js';
import { type Correct, isCorrect } from './correct.js';
import { type Mode, noAnswer, type Reading } from './mode.js';

export interface GenerateOptions {
  readonly samples: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Only responses that answer what is right are kept. */
  readonly correct: Correct | undefined;
}

interface Response {
  readonly text: string;
  readonly reasoning: string | undefined;
}

/** Free text: what the teacher says to each row, and apart from it what it thought. */
export function generate({ samples, temperature, maxTokens, correct }: GenerateOptions): Mode<Response> {
  return {
    system: '',
    user: '{{text}}',
    schema: undefined,
    mostTokens: maxTokens,
    samples,
    temperature,
    read(choice): Reading<Response> {
      const none = noAnswer(choice);
      if (none === undefined) return { value: { text: choice.text.trim(), reasoning: choice.reasoning } };
      return { invalid: none, correction: 'Answer again, in fewer words.' };
    },
    write(row, values) {
      const kept =
        correct === undefined
          ? values
          : values.filter(({ text }) => isCorrect(text, rightAnswer(row, correct), correct));
      if (kept.length === 0) return undefined;
      return {
        ...row,
        responses: kept.map(({ text }) => text),
        ...(kept.some(({ reasoning }) => reasoning !== undefined)
          ? { reasoning: kept.map(({ reasoning }) => reasoning ?? '') }
          : {}),
      };
    },
  };
}

/** That all rows have the field is checked before the first question. */
const rightAnswer = (row: Row, { field }: Correct): string => fieldsOf(row)[field] as string;
