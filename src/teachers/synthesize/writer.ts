import type { Row } from '../../data/dataset.js';
import type { Inquiry } from '../query/inquiry.js';
import { Interview, type InterviewOptions } from '../query/interview.js';
import { jsonIn, type Mode, noAnswer, type Reading } from '../query/modes/mode.js';

const SYSTEM =
  'You write texts that a classifier is trained on. Write each as the people would whose texts it is to sort: vary who writes, to whom, why, in which words and at what length. Never mention the label, and add no comments.';
const LIST = 'Answer with a JSON object {"texts": [...]} that holds each text as a string, and nothing else.';
const ONE = 'Answer with the text alone.';

/** What is asked where the recipe does not say. */
export const promptOf = (topics: boolean): string =>
  `Write {{count}} different texts that have the label "{{label}}"{{meaning}}${topics ? ', about: {{topic}}' : ''}.{{examples}}`;

export const systemOf = (perRequest: number): string => `${SYSTEM}\n${perRequest === 1 ? ONE : LIST}`;

/** Tokens of an answer, unless the recipe says. */
const TOKENS = { text: 256, around: 64 };

/** Some texts. */
function texts(perRequest: number, temperature: number): Mode<readonly string[]> {
  return {
    system: systemOf(perRequest),
    user: '',
    schema:
      perRequest === 1
        ? undefined
        : {
            type: 'object',
            properties: { texts: { type: 'array', items: { type: 'string' } } },
            required: ['texts'],
            additionalProperties: false,
          },
    mostTokens: perRequest * TOKENS.text + TOKENS.around,
    samples: 1,
    temperature,
    sample: ({ id }) => Number(id.split('-')[1]),
    read(choice): Reading<readonly string[]> {
      const none = noAnswer(choice);
      if (none !== undefined) return { invalid: none, correction: perRequest === 1 ? ONE : LIST };
      if (perRequest === 1) return { value: [choice.text.trim()] };
      const list = jsonIn(choice.text)?.texts;
      if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
        return { invalid: `no list of texts: ${JSON.stringify(choice.text.slice(0, 100))}`, correction: LIST };
      }
      const written = list.map((each) => (each as string).trim()).filter((each) => each !== '');
      return written.length > 0 ? { value: written } : { invalid: 'no texts', correction: LIST };
    },
    write: (row: Row, values) => ({ ...row, responses: values.flat() }),
  };
}

/** Asks for texts: what is found is the row of the request with the texts as its responses. */
export function writerOf(options: InterviewOptions, perRequest: number, temperature: number): Inquiry {
  const mode = texts(perRequest, temperature);
  const interview = new Interview(mode, options);
  return {
    requests: (row) => interview.requests(row),
    async find(row, ask, order = 'in-turn') {
      const answer = await interview.answer(row, ask, order);
      return 'invalid' in answer ? answer : { row: mode.write(row, answer.values) };
    },
  };
}
