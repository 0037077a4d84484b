import type { Json, JsonObject } from '../../util/json.js';
import { type Answered, answered } from './client.js';
import { RequestFailure } from './failure.js';
import { keyOf } from './key.js';
import type { Question } from './reply.js';
import { failureFrom, toldOf } from './told.js';

/** One request in a batch's file. */
export interface RequestLine {
  readonly custom_id: string;
  readonly method: 'POST';
  readonly url: '/v1/chat/completions';
  readonly body: JsonObject;
}

/** What a batch's output, or its file of errors, says of one request. */
export interface ResultLine {
  readonly custom_id: string;
  readonly response?: { readonly status_code: number; readonly body: unknown } | null;
  readonly error?: unknown;
}

/** Enough of a key to be the only one, and short enough for servers that take 64 characters. */
const KEY_LENGTH = 48;

/** Which sample it is stands behind the key, since the body cannot say. */
export function lineOf(question: Question): RequestLine {
  const { model, messages, parameters, sample } = question;
  const key = keyOf(question).slice(0, KEY_LENGTH);
  return {
    custom_id: sample === undefined ? key : `${key}.${sample}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { ...parameters, model, messages: messages as unknown as Json },
  };
}

/** What a batch asked, as its file on the server has it: that is there whoever began the batch. */
export function questionsIn(jsonl: string, baseUrl: string): Map<string, Question> {
  return new Map(linesOf<RequestLine>(jsonl).map((line) => [line.custom_id, questionOf(line, baseUrl)]));
}

function questionOf({ custom_id, body }: RequestLine, baseUrl: string): Question {
  const { model, messages, ...parameters } = body;
  const [, sample] = custom_id.split('.');
  return {
    base_url: baseUrl,
    model: model as string,
    messages: messages as unknown as Question['messages'],
    parameters,
    ...(sample === undefined ? {} : { sample: Number(sample) }),
  };
}

/** The answer, or why there is none. */
export function resultOf({ response, error }: ResultLine): Answered | RequestFailure {
  if (!response) return new RequestFailure('again', toldOf({ error }).message);
  if (response.status_code !== 200) return failureFrom(response.status_code, toldOf(response.body));
  try {
    return answered(response.body);
  } catch (failure) {
    if (failure instanceof RequestFailure) return failure;
    throw failure;
  }
}

export const linesOf = <Line>(jsonl: string): Line[] =>
  jsonl.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as Line]));
