import type { IncomingMessage } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { chatAnswer, chatChunks, chatCompletion } from './chat.js';
import { completionsAnswer, textChunks, textCompletion } from './completions.js';
import { embeddingsAnswer } from './embeddings.js';
import { ApiError, badRequest, errorBody, notFound, serverError } from './errors.js';
import { eventStream } from './events.js';
import { keyCheck } from './key.js';
import {
  CHAT,
  type ChatRequest,
  COMPLETIONS,
  type CompletionsRequest,
  EMBEDDINGS,
  type EmbeddingsRequest,
} from './requests.js';
import type { ServedModel } from './served-model.js';
import { invalidBody } from './validation.js';

export interface ServerOptions {
  /** If set, every request but for /health must carry it. */
  readonly key: string | undefined;
  /** Bytes. */
  readonly maxBody: number;
  /** Told of what no request should bring about. */
  readonly onBug: (error: unknown) => void;
}

/** Longest time that a client may take to send a request. */
const REQUEST_MS = 60_000;
/** Times the largest body that is read of one that is larger still. */
const DRAINED = 16;
const ROUTES = 'GET /v1/models, POST /v1/chat/completions, /v1/completions, /v1/embeddings, GET /health';

/** The HTTP server of some models, by their names; not listening yet. */
export function createServer(models: ReadonlyMap<string, ServedModel>, options: ServerOptions): FastifyInstance {
  const { key, maxBody, onBug } = options;
  const created = Math.floor(Date.now() / 1000);
  const server = fastify({
    bodyLimit: maxBody,
    requestTimeout: REQUEST_MS,
    // Answered below, in the form of the other errors.
    return503OnClosing: false,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allowUnionTypes: true } },
  });
  server.removeContentTypeParser('text/plain');

  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
  });
  const checkKey = key === undefined ? undefined : keyCheck(key);
  server.addHook('onRequest', async ({ url, headers }) => {
    if (closing) throw serverError('The server is stopping.', 'stopping', 503);
    if (url !== '/health') checkKey?.(headers.authorization);
  });

  server.setErrorHandler(async (error: FastifyError | ApiError, request, reply) => {
    const { problem } = errorOf(error, request, maxBody, onBug);
    if (problem.status === 413) await drain(request.raw, DRAINED * maxBody);
    if (problem.retryAfter !== undefined) reply.header('retry-after', String(problem.retryAfter));
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.status(problem.status).send(errorBody(problem));
  });
  server.setNotFoundHandler(({ method, url }) => {
    throw notFound(`There is no ${method} ${url.split('?')[0]} here, only ${ROUTES}.`, null, 'unknown_url');
  });

  const modelOf = (name: string): ServedModel => {
    const model = models.get(name);
    if (model) return model;
    const served = [...models.keys()].map((id) => `"${id}"`).join(', ');
    throw notFound(`There is no model "${name}" here, only ${served}.`, 'model', 'model_not_found');
  };

  server.get('/health', async () => ({ status: 'ok' }));
  server.get('/v1/models', async () => ({
    object: 'list',
    data: [...models.keys()].map((id) => ({ id, object: 'model', created, owned_by: 'recipe' })),
  }));

  server.post<{ Body: ChatRequest }>('/v1/chat/completions', { schema: { body: CHAT } }, async ({ body }, reply) => {
    const model = modelOf(body.model);
    const answer = await chatAnswer(model, body, whileConnected(reply));
    const logprobs = body.logprobs ?? false;
    if (!body.stream) return chatCompletion(answer, model.id, logprobs);
    return sendEvents(reply, chatChunks(answer, model.id, logprobs, body.stream_options?.include_usage ?? false));
  });
  server.post<{ Body: CompletionsRequest }>(
    '/v1/completions',
    { schema: { body: COMPLETIONS } },
    async ({ body }, reply) => {
      const model = modelOf(body.model);
      const answer = await completionsAnswer(model, body, whileConnected(reply));
      const logprobs = (body.logprobs ?? null) !== null;
      if (!body.stream) return textCompletion(answer, model.id, logprobs);
      return sendEvents(reply, textChunks(answer, model.id, logprobs, body.stream_options?.include_usage ?? false));
    },
  );
  server.post<{ Body: EmbeddingsRequest }>('/v1/embeddings', { schema: { body: EMBEDDINGS } }, ({ body }, reply) =>
    embeddingsAnswer(modelOf(body.model), body, whileConnected(reply)),
  );

  const sendEvents = (reply: FastifyReply, objects: AsyncIterable<object>): FastifyReply =>
    reply.type('text/event-stream').header('cache-control', 'no-cache').send(eventStream(objects, onBug));
  return server;
}

/** Reads on, so that a client that listens only when it has sent all hears the answer; not for ever. */
async function drain(body: IncomingMessage, most: number): Promise<void> {
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) return;
  }
}

/** Aborted when the client goes, so that nothing is computed for nobody. */
function whileConnected(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** Any error as one that is answered. */
function errorOf(
  error: FastifyError | ApiError,
  request: FastifyRequest,
  maxBody: number,
  onBug: (error: unknown) => void,
): ApiError {
  if (error instanceof ApiError) return error;
  // Nobody hears the answer.
  if (error.name === 'AbortError') return serverError('The client has gone.', 'client_gone', 499);
  const [invalid] = error.validation ?? [];
  if (invalid) {
    const schema = request.routeOptions.schema?.body as { properties: object } | undefined;
    return invalidBody(invalid, Object.keys(schema?.properties ?? {}));
  }
  switch (error.statusCode) {
    case 413: {
      const message = `The body is larger than ${maxBody} bytes, the most that is taken (--max-body).`;
      return new ApiError({ ...badRequest(message, null, 'body_too_large').problem, status: 413 });
    }
    case 415: {
      const message = 'The body must be JSON, and its header Content-Type: application/json.';
      return new ApiError({ ...badRequest(message, null, 'not_json').problem, status: 415 });
    }
    case 400:
      return badRequest(`The body cannot be read as JSON: ${error.message}`, null, 'not_json');
  }
  onBug(error);
  return serverError('Internal error.', 'internal_error');
}
