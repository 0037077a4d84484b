import { TOGETHER } from '../models/together.js';
import { Batcher } from './batcher.js';
import type { ModelProcess } from './model-process.js';
import { BATCH } from './passes.js';
import type { ChatMessage, Classified, Embedded, Generation, ModelInfo, Piece, TextOrTokens } from './protocol.js';

/** A text to be written, and where its pieces go. */
export interface Writing {
  readonly request: Generation;
  readonly signal: AbortSignal;
  readonly onPiece: (piece: Piece) => void;
}

/** A model under its name, with the requests that wait for it. */
export class ServedModel {
  private readonly texts: Batcher<string, Classified>;
  private readonly embeddings: Batcher<TextOrTokens, Embedded>;
  private readonly writings: Batcher<Writing, null>;

  /** @param waiting requests that may wait for each thing that it does */
  constructor(
    readonly id: string,
    readonly info: ModelInfo,
    private readonly process: ModelProcess,
    waiting: number,
  ) {
    const together = { most: BATCH, passes: 1, waiting };
    this.texts = new Batcher((input) => process.ask({ operation: 'classify', input }), together);
    this.embeddings = new Batcher((input) => process.ask({ operation: 'embed', input }), together);
    this.writings = new Batcher(
      async (writings) =>
        Promise.all(
          writings.map(({ request, ...watch }) => process.ask({ operation: 'generate', input: request }, watch)),
        ),
      { most: 1, passes: TOGETHER, waiting },
    );
  }

  /** @throws ApiError 429 if too many requests wait; so do the other methods */
  async classify(text: string, signal: AbortSignal): Promise<Classified> {
    const [answer] = await this.texts.submit([text], signal);
    return answer as Classified;
  }

  embed(inputs: readonly TextOrTokens[], signal: AbortSignal): Promise<Embedded[]> {
    return this.embeddings.submit(inputs, signal);
  }

  /** The prompts' tokens. */
  async tokenize(prompts: readonly TextOrTokens[]): Promise<readonly (readonly number[])[]> {
    this.writings.check();
    return this.process.ask({ operation: 'tokenize', input: prompts });
  }

  /** A conversation as the tokens of a prompt. */
  async chat(messages: readonly ChatMessage[]): Promise<readonly number[]> {
    this.writings.check();
    return this.process.ask({ operation: 'chat', input: messages });
  }

  /**
   * Writes texts, several at once; resolves when all are written.
   * @throws ApiError 429, at once
   */
  write(writings: readonly Writing[], signal: AbortSignal): Promise<unknown> {
    return this.writings.submit(writings, signal);
  }
}
