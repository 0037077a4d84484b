import type { JsonObject } from '../../util/json.js';

/** What was asked of a teacher and what it answered, whatever API it has. Plain JSON: this is what is stored. */

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** All that the answer depends on, and so all that its key is made of. No key, no limit, no row id. */
export interface Question {
  /** Without a slash at its end. */
  readonly base_url: string;
  readonly model: string;
  readonly messages: readonly Message[];
  /** Everything else of the request's body: `temperature`, `max_tokens`, `response_format`, `extra_body` spread out, … */
  readonly parameters: Readonly<JsonObject>;
  /** Which of several samples of the same question this is; absent where one is asked for. */
  readonly sample?: number;
}

/** A token and how probable it was, natural logarithm. */
export interface Token {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8, where `token` does not say it: of a part of a character. */
  readonly bytes?: readonly number[];
}

/** One token of an answer with its most likely alternatives. */
export interface TokenLogprobs extends Token {
  readonly top: readonly Token[];
}

export interface Choice {
  readonly text: string;
  /** What the model thought before it answered, where the server tells. Never part of `text`. */
  readonly reasoning?: string;
  /** Why the model would not answer. */
  readonly refusal?: string;
  /** `stop`, `length`, `content_filter`, … */
  readonly finish: string;
  readonly logprobs?: readonly TokenLogprobs[];
}

export interface Usage {
  readonly prompt: number;
  /** Of the prompt's tokens, those that the server had cached. */
  readonly cached: number;
  readonly completion: number;
  /** The server told nothing that can be true, so these are upper bounds. */
  readonly estimated?: true;
}

export interface Reply {
  readonly choices: readonly Choice[];
  readonly usage: Usage;
}
