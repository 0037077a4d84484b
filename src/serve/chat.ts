import { randomUUID } from 'node:crypto';
import { type Answer, usageOf, whole } from './answer.js';
import { classifiedAnswer } from './classified-answer.js';
import { badRequest } from './errors.js';
import { plainMessages } from './messages.js';
import type { ScoredToken, TokenScore } from './protocol.js';
import type { ChatRequest } from './requests.js';
import type { ServedModel } from './served-model.js';
import { writtenAnswer } from './written-answer.js';

/**
 * What a model answers to a conversation.
 * @throws ApiError
 */
export async function chatAnswer(model: ServedModel, body: ChatRequest, signal: AbortSignal): Promise<Answer> {
  if (body.top_logprobs && !body.logprobs) {
    throw badRequest('"top_logprobs" needs "logprobs": true.', 'top_logprobs', 'invalid_value');
  }
  switch (model.info.kind) {
    case 'classifier':
      return classifiedAnswer(model, body, signal);
    case 'encoder':
      throw badRequest(`"${model.id}" is an encoder: it answers /v1/embeddings only.`, 'model');
    case 'language-model': {
      if (body.response_format?.type === 'json_schema') {
        const what = `"${model.id}" is a language model, whose answers are not held to a schema`;
        throw badRequest(`${what}: "response_format.type" must be "text".`, 'response_format.type', 'invalid_value');
      }
      const prompt = await model.chat(plainMessages(body.messages));
      const most = body.max_completion_tokens ?? body.max_tokens ?? Number.MAX_SAFE_INTEGER;
      const top = body.logprobs ? (body.top_logprobs ?? 0) : null;
      return writtenAnswer(model, [prompt], body, { most, top }, signal);
    }
  }
}

/** What all objects of one answer have. */
const frameOf = (object: string, model: string) => ({
  id: `chatcmpl-${randomUUID()}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model,
});

/** A whole answer as one object. */
export async function chatCompletion(answer: Answer, model: string, logprobs: boolean) {
  const { choices, usage } = await whole(answer);
  return {
    ...frameOf('chat.completion', model),
    choices: choices.map(({ text, tokens, finish }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: logprobs ? logprobsOf(tokens) : null,
      finish_reason: finish,
    })),
    usage,
  };
}

/** An answer as the objects of a stream, as its pieces come. */
export async function* chatChunks(answer: Answer, model: string, logprobs: boolean, usage: boolean) {
  const frame = frameOf('chat.completion.chunk', model);
  const chunk = (index: number, delta: object, tokens: readonly ScoredToken[] | null, finish: string | null) => ({
    ...frame,
    choices: [{ index, delta, logprobs: tokens && logprobs ? logprobsOf(tokens) : null, finish_reason: finish }],
    ...(usage && { usage: null }),
  });
  const made: number[] = [];
  for await (const piece of answer.pieces) {
    const { choice } = piece;
    if (made[choice] === undefined) yield chunk(choice, { role: 'assistant', content: '' }, null, null);
    made[choice] = piece.made;
    if (piece.text !== '' || piece.tokens.length > 0) yield chunk(choice, { content: piece.text }, piece.tokens, null);
    if (piece.finish !== null) yield chunk(choice, {}, null, piece.finish);
  }
  if (usage) yield { ...frame, choices: [], usage: usageOf(answer.promptTokens, made) };
}

const scored = ({ token, bytes, logProbability }: TokenScore) => ({ token, logprob: logProbability, bytes });
const logprobsOf = (tokens: readonly ScoredToken[]) => ({
  content: tokens.map((token) => ({ ...scored(token), top_logprobs: token.top.map(scored) })),
  refusal: null,
});
