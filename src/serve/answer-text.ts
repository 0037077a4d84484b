import type { TextCodec } from '../data/codec.js';
import type { ScoredToken, TokenScore } from './protocol.js';

/** A token's scores, without its place. */
export interface Scores extends TokenScore {
  readonly top: readonly TokenScore[];
}

/** Some text that will not change any more, and the tokens whose text begins in it. */
export interface Released {
  readonly text: string;
  readonly tokens: readonly ScoredToken[];
}

/** Tokens of the prompt that the answer's first are decoded with: some tokenizers drop a space where a text begins. */
const CONTEXT = 4;
/** Stands for bytes of a character that is not complete. */
const INCOMPLETE = '\u{fffd}';

/**
 * Makes text of tokens as they come. What may still change is held back: bytes of a character whose other bytes are to
 * come, and the beginning of what may become a stop text.
 */
export class AnswerText {
  private readonly ids: number[] = [];
  private held: ScoredToken[] = [];
  /** Code units: of the context's text, of the text that has no half characters at its end, of what was released. */
  private base = 0;
  private complete = 0;
  private released = 0;
  private text = '';
  /** A stop text was met; nothing more is to be added. */
  stopped = false;

  private constructor(
    private readonly codec: TextCodec,
    private readonly context: readonly number[],
    private readonly stop: readonly string[],
  ) {}

  static async after(prompt: readonly number[], codec: TextCodec, stop: readonly string[]): Promise<AnswerText> {
    const answer = new AnswerText(codec, prompt.slice(-CONTEXT), stop);
    answer.base = withoutHalves(await codec.decode(answer.context)).length;
    return answer;
  }

  /** @param scores if log-probabilities are asked for */
  async add(id: number, scores: Scores | undefined): Promise<Released> {
    this.ids.push(id);
    if (scores) this.held.push({ ...scores, start: this.complete });
    this.text = (await this.codec.decode([...this.context, ...this.ids])).slice(this.base);
    this.complete = Math.max(this.released, withoutHalves(this.text).length);
    const found = this.stop.map((stop) => this.text.indexOf(stop, this.released)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.stopped = true;
      this.text = this.text.slice(0, Math.min(...found));
      return this.release(this.text.length);
    }
    return this.release(this.complete - this.beginning(this.text.slice(this.released, this.complete)));
  }

  /** What was held back, with tokens that have no text. */
  end(): Released {
    const { text, tokens } = this.release(this.text.length);
    return { text, tokens: [...tokens, ...this.held.splice(0)] };
  }

  private release(to: number): Released {
    const text = this.text.slice(this.released, to);
    this.released = Math.max(this.released, to);
    const begun = ({ start }: ScoredToken): boolean => start < this.released;
    const tokens = this.held.filter(begun);
    this.held = this.held.filter((token) => !begun(token));
    return { text, tokens };
  }

  /** Code units at the end of a text with which a stop text begins. */
  private beginning(text: string): number {
    const longest = Math.min(text.length, Math.max(0, ...this.stop.map(({ length }) => length - 1)));
    for (let n = longest; n > 0; n--) {
      if (this.stop.some((stop) => stop.startsWith(text.slice(-n)) && n < stop.length)) return n;
    }
    return 0;
  }
}

const withoutHalves = (text: string): string => {
  let end = text.length;
  while (end > 0 && text[end - 1] === INCOMPLETE) end--;
  return text.slice(0, end);
};
