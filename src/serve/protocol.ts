import type { Problem } from './errors.js';

/** What the server and the process of a model tell each other. */

/** What a model is and can do. */
export interface ModelInfo {
  readonly kind: 'classifier' | 'encoder' | 'language-model';
  /** Of a classifier, in the order of its log-probabilities; else none. */
  readonly labels: readonly string[];
  /** Tokens that there are; 0 of a model without a tokenizer. */
  readonly vocabulary: number;
  /** Numbers of an embedding; null if it gives none. */
  readonly dimensions: number | null;
  /** Tokens of prompt and answer together; null unless it is a language model. */
  readonly context: number | null;
}

/** A text, or its tokens. */
export type TextOrTokens = string | readonly number[];

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** A classifier's answer to a text. */
export interface Classified {
  /** Natural logarithms, of each label. */
  readonly logProbabilities: readonly number[];
  /** Tokens that were read; words of a model without a tokenizer. */
  readonly tokens: number;
}

export interface Embedded {
  readonly vector: Float32Array;
  readonly tokens: number;
}

/** A text that a language model is to write. */
export interface Generation {
  readonly prompt: readonly number[];
  /** Tokens, at most. */
  readonly most: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** Texts of one seed differ by it. */
  readonly choice: number;
  /** Texts that end the answer and are no part of it. */
  readonly stop: readonly string[];
  /** Likeliest tokens to name beside each; null if no log-probabilities are asked for. */
  readonly top: number | null;
}

export interface TokenScore {
  /** Its bytes as text. */
  readonly token: string;
  readonly bytes: readonly number[];
  /** The model's own, whatever the temperature. */
  readonly logProbability: number;
}

/** A token of an answer. */
export interface ScoredToken extends TokenScore {
  /** Where in the answer it begins, in UTF-16 code units. */
  readonly start: number;
  /** The likeliest tokens in its place. */
  readonly top: readonly TokenScore[];
}

/** Some more of an answer. */
export interface Piece {
  readonly text: string;
  /** Tokens whose text begins in this piece, if log-probabilities were asked for. */
  readonly tokens: readonly ScoredToken[];
  /** Why it ends here; null if it goes on. */
  readonly finish: 'stop' | 'length' | null;
  /** Tokens that were made for it, those that ended it among them. */
  readonly made: number;
}

/** What can be asked of a model, and what it answers. */
export interface Operations {
  classify: { input: readonly string[]; output: readonly Classified[] };
  embed: { input: readonly TextOrTokens[]; output: readonly Embedded[] };
  /** A conversation as the tokens of a prompt. */
  chat: { input: readonly ChatMessage[]; output: readonly number[] };
  tokenize: { input: readonly TextOrTokens[]; output: readonly (readonly number[])[] };
  /** Answers in pieces. */
  generate: { input: Generation; output: null };
}
export type Operation = keyof Operations;

/** An operation and its input. */
export type Call<K extends Operation = Operation> = {
  [P in K]: { readonly operation: P; readonly input: Operations[P]['input'] };
}[K];

export type ToWorker =
  | { readonly type: 'call'; readonly id: number; readonly call: Call }
  /** Nobody waits for the answer any more. */
  | { readonly type: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly type: 'ready'; readonly info: ModelInfo }
  /** It cannot be loaded. */
  | { readonly type: 'refused'; readonly reason: string; readonly message: string; readonly hint?: string | undefined }
  | { readonly type: 'piece'; readonly id: number; readonly piece: Piece }
  | { readonly type: 'done'; readonly id: number; readonly output: Operations[Operation]['output'] }
  | { readonly type: 'failed'; readonly id: number; readonly problem: Problem };

/** What a call can do while it runs. */
export interface CallContext {
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
  piece(piece: Piece): void;
}

/** A loaded model. */
export interface LocalModel {
  readonly info: ModelInfo;
  /** What it can do. */
  readonly operations: {
    readonly [K in Operation]?: (
      input: Operations[K]['input'],
      context: CallContext,
    ) => Promise<Operations[K]['output']>;
  };
}
