import type { TextOrTokens } from './protocol.js';

/**
 * Requests as JSON Schema and as types. What would change an answer and is not done here is left out, so that it is
 * refused; what changes none is taken and not looked at.
 */

/** OpenAI's largest. */
const LARGEST_TOP = 20;
const LARGEST_N = 128;
const LARGEST_INPUT = 2048;

const orNull = <T extends object>(type: string, more?: T) => ({ type: [type, 'null'], ...more });

/** Only the value that changes nothing. */
const only = (value: number | boolean) => ({ enum: [value, null] });

/** What both ways to ask for text have. */
const GENERATION = {
  model: { type: 'string' },
  n: orNull('integer', { minimum: 1, maximum: LARGEST_N }),
  seed: orNull('integer'),
  stop: { type: ['string', 'array', 'null'], minLength: 1, maxItems: 4, items: { type: 'string', minLength: 1 } },
  stream: orNull('boolean'),
  stream_options: orNull('object', {
    properties: { include_usage: orNull('boolean') },
  }),
  temperature: orNull('number', { minimum: 0, maximum: 2 }),
  top_p: orNull('number', { minimum: 0, maximum: 1 }),
  max_tokens: orNull('integer', { minimum: 1 }),
  frequency_penalty: only(0),
  presence_penalty: only(0),
  user: {},
};

export interface GenerationRequest {
  readonly model: string;
  readonly n?: number | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean | null } | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly max_tokens?: number | null;
}

export const CHAT = {
  type: 'object',
  required: ['model', 'messages'],
  additionalProperties: false,
  properties: {
    ...GENERATION,
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['role', 'content'],
        properties: {
          role: { enum: ['system', 'developer', 'user', 'assistant'] },
          content: {
            type: ['string', 'array', 'null'],
            items: {
              type: 'object',
              required: ['type', 'text'],
              properties: { type: { enum: ['text'] }, text: { type: 'string' } },
            },
          },
        },
      },
    },
    max_completion_tokens: orNull('integer', { minimum: 1 }),
    logprobs: orNull('boolean'),
    top_logprobs: orNull('integer', { minimum: 0, maximum: LARGEST_TOP }),
    response_format: orNull('object', {
      required: ['type'],
      properties: { type: { enum: ['text', 'json_schema'] }, json_schema: { type: 'object' } },
    }),
    metadata: {},
    store: {},
    service_tier: {},
    safety_identifier: {},
    prompt_cache_key: {},
    reasoning_effort: {},
    verbosity: {},
  },
};

export interface ChatRequest extends GenerationRequest {
  readonly messages: readonly {
    readonly role: 'system' | 'developer' | 'user' | 'assistant';
    readonly content: string | readonly { readonly text: string }[] | null;
  }[];
  readonly max_completion_tokens?: number | null;
  readonly logprobs?: boolean | null;
  readonly top_logprobs?: number | null;
  readonly response_format?: {
    readonly type: 'text' | 'json_schema';
    readonly json_schema?: { readonly schema?: unknown };
  } | null;
}

export const COMPLETIONS = {
  type: 'object',
  required: ['model', 'prompt'],
  additionalProperties: false,
  properties: {
    ...GENERATION,
    prompt: { type: ['string', 'array'], minItems: 1 },
    logprobs: orNull('integer', { minimum: 0, maximum: LARGEST_TOP }),
    best_of: only(1),
    echo: only(false),
  },
};

export interface CompletionsRequest extends GenerationRequest {
  /** As `textsOf` takes it. */
  readonly prompt: unknown;
  readonly logprobs?: number | null;
}

export const EMBEDDINGS = {
  type: 'object',
  required: ['model', 'input'],
  additionalProperties: false,
  properties: {
    model: { type: 'string' },
    input: { type: ['string', 'array'], minItems: 1, maxItems: LARGEST_INPUT },
    encoding_format: { enum: ['float', 'base64', null] },
    dimensions: orNull('integer', { minimum: 1 }),
    user: {},
  },
};

export interface EmbeddingsRequest {
  readonly model: string;
  /** As `textsOf` takes it. */
  readonly input: unknown;
  readonly encoding_format?: 'float' | 'base64' | null;
  readonly dimensions?: number | null;
}

const isToken = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isTokens = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every(isToken);

/**
 * A text, several, a text's tokens, or several texts' tokens, as a list of texts; undefined if it is none of these.
 */
export function textsOf(value: unknown): TextOrTokens[] | undefined {
  if (typeof value === 'string') return [value];
  if (isTokens(value)) return [value];
  if (!Array.isArray(value)) return undefined;
  return value.every((item) => typeof item === 'string') || value.every(isTokens) ? value : undefined;
}
