import { mean } from '../../../util/numbers.js';
import { jsonIn, type Mode, noAnswer, type Reading } from './mode.js';

export interface ScoreOptions {
  /** What is scored. */
  readonly criterion: string;
  readonly minimum: number;
  readonly maximum: number;
  /** A template. */
  readonly user: string;
  readonly samples: number;
}

/** A number between two bounds; of several samples the mean. */
export function score({ criterion, minimum, maximum, user, samples }: ScoreOptions): Mode<number> {
  const bounds = `a number from ${minimum} to ${maximum}`;
  const correction = `Answer with a JSON object {"score": …} that holds ${bounds}, and nothing else.`;
  return {
    system: `You score texts: ${criterion}\nAnswer with a JSON object {"score": …} that holds ${bounds}.`,
    user,
    schema: {
      type: 'object',
      properties: { score: { type: 'number', minimum, maximum } },
      required: ['score'],
      additionalProperties: false,
    },
    mostTokens: 32,
    samples,
    temperature: samples > 1 ? 1 : 0,
    read(choice): Reading<number> {
      const none = noAnswer(choice);
      if (none !== undefined) return { invalid: none, correction };
      const found = jsonIn(choice.text)?.score;
      const value =
        typeof found === 'number'
          ? found
          : /^\s*-?\d+(?:\.\d+)?\s*$/.test(choice.text)
            ? Number(choice.text)
            : Number.NaN;
      if (value >= minimum && value <= maximum) return { value };
      return { invalid: `not ${bounds}: ${JSON.stringify(choice.text.slice(0, 60))}`, correction };
    },
    write: (row, values) => ({ ...row, score: mean(values) }),
  };
}
