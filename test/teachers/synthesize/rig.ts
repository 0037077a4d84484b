import { synthesizeData } from '../../../src/steps/synthesize-data.js';
import type { JsonObject } from '../../../src/util/json.js';
import { runStep, type TestContext } from '../../steps/context.js';
import { asked, type ChatBody, type ChoiceAnswer, oneToken } from '../query/server.js';

/** In letters: texts that differ in digits only count as the same. */
export const word = (n: number): string =>
  n.toString().replace(/\d/g, (digit) => 'kbcdfghjlm'[Number(digit)] as string);

/** A text that is like no other. */
export const textOf = (label: string, topic: string, n: number): string =>
  `${label} ${topic} ${[1, 2, 3, 4, 5].map((i) => word(1000 + 97 * n + i)).join(' ')}`;

export const isJudge = (body: ChatBody): boolean => (body.messages[0]?.content ?? '').startsWith('Does the label fit');

/** What a request asks for. */
export function wishIn(body: ChatBody) {
  const text = asked(body);
  const [, count, label] = /^Write (\d+) different texts that have the label "(\w+)"/.exec(text) ?? [];
  return { count: Number(count), label: label as string, topic: /, about: ([^.]*)\./.exec(text)?.[1] ?? '' };
}

/** Writes texts that differ, and a judge for whom each fits that does not say "wrong". */
export function writerAndJudge(
  write: (n: number, label: string, topic: string) => string = (n, label, topic) => textOf(label, topic, n),
) {
  let n = 0;
  return (body: ChatBody): ChoiceAnswer => {
    if (isJudge(body)) {
      const yes = asked(body).includes('wrong') ? 0.2 : 0.9;
      return oneToken(yes > 0.5 ? 'yes' : 'no', { yes, no: 1 - yes });
    }
    const { count, label, topic } = wishIn(body);
    return { text: JSON.stringify({ texts: Array.from({ length: count }, () => write(n++, label, topic)) }) };
  };
}

export const synthesize = (
  options: JsonObject,
  more: { seeds?: string; root?: string; signal?: AbortSignal } = {},
): Promise<TestContext> => {
  const { seeds, ...rest } = more;
  return runStep(synthesizeData, {
    options,
    inputs: seeds === undefined ? {} : { seeds: { kind: 'dataset', path: seeds } },
    ...rest,
  });
};
