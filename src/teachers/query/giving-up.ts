import { StepFailure } from '../../util/failure.js';
import { RequestFailure } from './failure.js';
import type { Question } from './reply.js';

/** Retries wait 0.5 to 1 s, then twice as long each time, at most half a minute, with a random part. */
export const RETRY = { minTimeout: 500, factor: 2, maxTimeout: 30_000, randomize: true };

/**
 * What a request that failed for good means for the step. What concerns one question only stays as it is, and so does a
 * parameter that the server does not know: there may be a way without it.
 */
export function stepFailure(error: unknown, asked: Pick<Question, 'base_url' | 'model'>, retries: number): unknown {
  if (!(error instanceof RequestFailure) || error.kind === 'row' || error.kind === 'parameter') return error;
  const { base_url, model } = asked;
  if (error.kind === 'fatal') {
    return new StepFailure(
      'teacher-unknown',
      `the server at ${base_url} does not know the model "${model}": ${error.message}`,
      'Check base_url (it mostly ends in /v1) and model.',
    );
  }
  if (error.kind === 'key') {
    return new StepFailure(
      'teacher-key',
      `the server at ${base_url} does not accept the key: ${error.message}`,
      'Check the environment variable that api_key names, and what the account may do.',
    );
  }
  if (error.refused) {
    return new StepFailure(
      'teacher-unreachable',
      `no server answers at ${base_url}: ${error.message}`,
      'Check base_url, and that the server runs.',
    );
  }
  const times = retries + 1;
  return new StepFailure(
    'teacher-fails',
    `the server at ${base_url} failed ${times === 1 ? 'once' : `${times} times`} in a row on one question: ${error.message}`,
    'What was answered is kept: go on later with "recipe resume".',
  );
}

const PARAMETER_HINTS: Readonly<Record<string, string>> = {
  logprobs: 'The model tells no log-probabilities: use soft_labels: votes, or none.',
  top_logprobs: 'Say in "logprobs" of the teacher how many alternatives of each token the server tells.',
};

/** A parameter without which nothing can be asked as the recipe wants it. */
export function parameterFailure({ message, param }: RequestFailure, baseUrl: string, model: string): StepFailure {
  return new StepFailure(
    'teacher-parameter',
    `the server at ${baseUrl} does not ask "${model}" in this way: ${message}`,
    PARAMETER_HINTS[param ?? ''] ?? 'Say what it takes in "parameters" of the teacher, such as {temperature: 1}.',
  );
}
