import type { Piece, ScoredToken } from './protocol.js';

/** More of one of an answer's texts. */
export interface ChoicePiece extends Piece {
  readonly choice: number;
}

/** What a request for text is answered with, as it is made; leaving `pieces` early ends the work. */
export interface Answer {
  /** Tokens of what was asked. */
  readonly promptTokens: number;
  readonly choices: number;
  readonly pieces: AsyncIterable<ChoicePiece>;
}

/** One whole text. */
export interface Choice {
  readonly text: string;
  readonly tokens: readonly ScoredToken[];
  readonly finish: 'stop' | 'length';
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** `made` is of each text so far; the sum of the last ones counts. */
export const usageOf = (promptTokens: number, made: readonly number[]): Usage => {
  const answered = made.reduce((sum, tokens) => sum + tokens, 0);
  return { prompt_tokens: promptTokens, completion_tokens: answered, total_tokens: promptTokens + answered };
};

/** Waits for all of an answer. */
export async function whole({ promptTokens, choices, pieces }: Answer): Promise<{ choices: Choice[]; usage: Usage }> {
  const texts = Array.from({ length: choices }, () => ({
    text: '',
    tokens: [] as ScoredToken[],
    finish: 'stop' as 'stop' | 'length',
    made: 0,
  }));
  for await (const { choice, text, tokens, finish, made } of pieces) {
    const so = texts[choice] as (typeof texts)[number];
    so.text += text;
    so.tokens.push(...tokens);
    so.made = made;
    if (finish !== null) so.finish = finish;
  }
  return {
    choices: texts.map(({ made: _, ...choice }) => choice),
    usage: usageOf(
      promptTokens,
      texts.map(({ made }) => made),
    ),
  };
}
