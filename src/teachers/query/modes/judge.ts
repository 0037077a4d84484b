import type { Row } from '../../../data/dataset.js';
import type { Mode } from './mode.js';
import { score } from './score.js';

export interface JudgeOptions {
  readonly criterion: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Responses that score less are taken out. */
  readonly atLeast: number | undefined;
}

/** Scores the responses that rows have, one question each. */
export function judge({ criterion, minimum, maximum, atLeast }: JudgeOptions): Mode<number> {
  const one = score({
    criterion,
    minimum,
    maximum,
    user: 'Text:\n{{text}}\n\nResponse:\n{{response}}',
    samples: 1,
  });
  return {
    ...one,
    system: one.system.replace('You score texts', 'You judge responses to texts'),
    subjects: ({ responses = [] }) => responses.map((response) => ({ response })),
    write: (row, values) => keepGood({ ...row, judgements: values }, atLeast),
  };
}

function keepGood(row: Row, atLeast: number | undefined): Row | undefined {
  if (atLeast === undefined) return row;
  const kept = (row.judgements ?? []).flatMap((value, i) => (value >= atLeast ? [i] : []));
  if (kept.length === 0) return undefined;
  const pick = <T>(list: readonly T[] | undefined): T[] | undefined => list && kept.map((i) => list[i] as T);
  const { responses, reasoning, judgements, ...rest } = row;
  const [texts, thoughts, values] = [pick(responses), pick(reasoning), pick(judgements)];
  return {
    ...rest,
    ...(texts && { responses: texts }),
    ...(thoughts && { reasoning: thoughts }),
    ...(values && { judgements: values }),
  };
}
