import { randomUUID } from 'node:crypto';
import { type Answer, usageOf, whole } from './answer.js';
import { badRequest } from './errors.js';
import type { ScoredToken } from './protocol.js';
import { type CompletionsRequest, textsOf } from './requests.js';
import type { ServedModel } from './served-model.js';
import { checkTokens } from './tokens.js';
import { writtenAnswer } from './written-answer.js';

/** OpenAI's. */
const DEFAULT_TOKENS = 16;

/**
 * How a model continues one or more texts.
 * @throws ApiError
 */
export async function completionsAnswer(
  model: ServedModel,
  body: CompletionsRequest,
  signal: AbortSignal,
): Promise<Answer> {
  const { kind, vocabulary } = model.info;
  if (kind !== 'language-model') {
    const where = kind === 'classifier' ? '/v1/chat/completions' : '/v1/embeddings';
    throw badRequest(`"${model.id}" is no language model but ${a(kind)}: ask it through ${where}.`, 'model');
  }
  const prompts = textsOf(body.prompt);
  if (prompts === undefined) {
    throw badRequest(
      '"prompt" must be a text, a list of texts, the tokens of a text, or a list of those.',
      'prompt',
      'invalid_type',
    );
  }
  checkTokens(prompts, vocabulary, 'prompt');
  const options = { most: body.max_tokens ?? DEFAULT_TOKENS, top: body.logprobs ?? null };
  return writtenAnswer(model, await model.tokenize(prompts), body, options, signal);
}

const a = (noun: string): string => (noun === 'encoder' ? `an ${noun}` : `a ${noun}`);

/** What all objects of one answer have. */
const frameOf = (model: string) => ({
  id: `cmpl-${randomUUID()}`,
  object: 'text_completion',
  created: Math.floor(Date.now() / 1000),
  model,
});

/** A whole answer as one object. */
export async function textCompletion(answer: Answer, model: string, logprobs: boolean) {
  const { choices, usage } = await whole(answer);
  return {
    ...frameOf(model),
    choices: choices.map(({ text, tokens, finish }, index) => ({
      text,
      index,
      logprobs: logprobs ? logprobsOf(tokens) : null,
      finish_reason: finish,
    })),
    usage,
  };
}

/** An answer as the objects of a stream, as its pieces come. */
export async function* textChunks(answer: Answer, model: string, logprobs: boolean, usage: boolean) {
  const frame = frameOf(model);
  const made: number[] = [];
  for await (const { choice, text, tokens, finish, made: tokensMade } of answer.pieces) {
    made[choice] = tokensMade;
    const piece = { text, index: choice, logprobs: logprobs ? logprobsOf(tokens) : null, finish_reason: finish };
    yield { ...frame, choices: [piece], ...(usage && { usage: null }) };
  }
  if (usage) yield { ...frame, choices: [], usage: usageOf(answer.promptTokens, made) };
}

/** In the form of before chats; the token itself is always among the likeliest. */
const logprobsOf = (tokens: readonly ScoredToken[]) => ({
  tokens: tokens.map(({ token }) => token),
  token_logprobs: tokens.map(({ logProbability }) => logProbability),
  top_logprobs: tokens.map((token) =>
    Object.fromEntries([...token.top, token].map(({ token: text, logProbability }) => [text, logProbability])),
  ),
  text_offset: tokens.map(({ start }) => start),
});
