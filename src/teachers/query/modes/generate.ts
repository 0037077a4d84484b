import { type Mode, noAnswer, type Reading } from './mode.js';

export interface GenerateOptions {
  readonly samples: number;
  readonly temperature: number;
  readonly maxTokens: number;
}

interface Response {
  readonly text: string;
  readonly reasoning: string | undefined;
}

/** Free text: what the teacher says to each row, and apart from it what it thought. */
export function generate({ samples, temperature, maxTokens }: GenerateOptions): Mode<Response> {
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
    write: (row, values) => ({
      ...row,
      responses: values.map(({ text }) => text),
      ...(values.some(({ reasoning }) => reasoning !== undefined)
        ? { reasoning: values.map(({ reasoning }) => reasoning ?? '') }
        : {}),
    }),
  };
}
