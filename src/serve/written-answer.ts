import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Answer, ChoicePiece } from './answer.js';
import type { GenerationRequest } from './requests.js';
import type { ServedModel, Writing } from './served-model.js';

/** What a request says of how its texts are made. */
export interface WritingOptions {
  readonly most: number;
  /** Likeliest tokens to name beside each; null if no log-probabilities are asked for. */
  readonly top: number | null;
}

const SEEDS = 2 ** 32;

/**
 * A language model's answer: `n` texts for each prompt, in this order.
 *
 * @throws ApiError 429 if too many requests wait
 */
export function writtenAnswer(
  model: ServedModel,
  prompts: readonly (readonly number[])[],
  body: GenerationRequest,
  { most, top }: WritingOptions,
  signal: AbortSignal,
): Answer {
  const n = body.n ?? 1;
  const seed = body.seed ?? randomInt(SEEDS);
  const pieces = new Readable({ objectMode: true, read() {} });
  // Whoever reads the pieces hears of it; nobody may.
  pieces.on('error', () => {});
  const writings = prompts.flatMap((prompt, i) =>
    Array.from({ length: n }, (_, k): Writing => {
      const choice = i * n + k;
      return {
        request: {
          prompt,
          most,
          top,
          seed,
          choice,
          temperature: body.temperature ?? 1,
          topP: body.top_p ?? 1,
          stop: [body.stop ?? []].flat(),
        },
        signal,
        onPiece: (piece) => pieces.push({ ...piece, choice } satisfies ChoicePiece),
      };
    }),
  );
  model.write(writings, signal).then(
    () => pieces.push(null),
    (error: Error) => pieces.destroy(error),
  );
  const promptTokens = prompts.reduce((sum, { length }) => sum + length, 0);
  return { promptTokens, choices: writings.length, pieces };
}
