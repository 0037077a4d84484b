import type { Tokenizer } from 'tokenizers';
import { loadTokenizer, openTokenizer } from './tokenizer.js';

/** A word of a text: a run of letters. */
export interface Word {
  /** UTF-16 code units; `end` is the first one behind it. */
  readonly start: number;
  readonly end: number;
  /** Its tokens' places in the text's tokens. */
  readonly first: number;
  readonly pieces: number;
}

/** A text as tokens, and the words that they make. */
export interface WordedText {
  /** With the special tokens around them, at most as many as were asked for. */
  readonly ids: Int32Array;
  /** In the order of the text: words that lie wholly in `ids` and share no token with anything else. */
  readonly words: readonly Word[];
  /** Special tokens at the end. */
  readonly closing: number;
}

/** A tokenizer that knows which tokens are words. */
export interface WordTokenizer {
  split(texts: readonly string[], maxLength: number): Promise<WordedText[]>;
  /** Tokens of words, as they stand within a text. */
  piecesOf(words: readonly string[]): Promise<Int32Array[]>;
  /** What tokens say, without space around it: `Hello` is `hello` where the tokenizer knows no case. */
  spelling(ids: Int32Array): Promise<string>;
  /** By its id, the word that a token is by itself; undefined of a part of one, of a sign and of a special token. */
  readonly wordOf: readonly (string | undefined)[];
}

const WORD = /[\p{L}\p{M}]+/gu;
const IS_WORD = /^[\p{L}\p{M}]+$/u;
/** What a token that begins a word begins with, in byte-level BPE and in SentencePiece. */
const BEGINS = /^[Ġ▁]/;
/** What one that does not begins with, in WordPiece. */
const CONTINUES = '##';

/**
 * Loads the tokenizer of a model's folder.
 * @throws StepFailure `corrupt-tokenizer`
 */
export async function loadWordTokenizer(folder: string): Promise<WordTokenizer> {
  const { tokenizer } = await openTokenizer(folder);
  const { specialIds, vocabularySize } = await loadTokenizer(folder);
  const tokens = Array.from({ length: vocabularySize }, (_, id) => tokenizer.idToToken(id) ?? '');
  const marked = tokens.some((token) => BEGINS.test(token));
  const wordOf = await Promise.all(
    tokens.map(async (token, id) => {
      if (specialIds.has(id) || (marked ? !BEGINS.test(token) : token.startsWith(CONTINUES))) return undefined;
      const word = marked ? (await tokenizer.decode([id], true)).trim() : token;
      return IS_WORD.test(word) ? word : undefined;
    }),
  );
  return {
    wordOf,
    async split(texts, maxLength) {
      const encodings = await tokenizer.encodeBatch([...texts], { addSpecialTokens: true });
      return encodings.map((encoding, i) =>
        worded(texts[i] as string, encoding.getIds(), encoding.getOffsets(), specialIds, maxLength),
      );
    },
    piecesOf: (words) => piecesOf(tokenizer, words, marked),
    spelling: async (ids) => (await tokenizer.decode([...ids], true)).trim(),
  };
}

async function piecesOf(tokenizer: Tokenizer, words: readonly string[], marked: boolean): Promise<Int32Array[]> {
  if (words.length === 0) return [];
  const texts = words.map((word) => (marked ? ` ${word}` : word));
  const encodings = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
  return encodings.map((encoding) => Int32Array.from(encoding.getIds()));
}

function worded(
  text: string,
  all: readonly number[],
  offsets: readonly (readonly number[])[],
  special: ReadonlySet<number>,
  maxLength: number,
): WordedText {
  let closing = 0;
  while (closing < all.length && special.has(all[all.length - 1 - closing] as number)) closing++;
  const kept = Math.min(all.length, maxLength) - closing;
  const ids = Int32Array.from([...all.slice(0, kept), ...all.slice(all.length - closing)]);
  const unit = codeUnits(text);
  const words: Word[] = [];
  let token = 0;
  const endOf = (i: number): number => unit((offsets[i] as number[])[1] as number);
  // A token may hold the space before its word.
  const startOf = (i: number): number => {
    const start = unit((offsets[i] as number[])[0] as number);
    return start + (/^\s*/.exec(text.slice(start, endOf(i)))?.[0].length ?? 0);
  };
  for (const match of text.matchAll(WORD)) {
    const [start, end] = [match.index, match.index + match[0].length];
    while (token < kept && endOf(token) <= start) token++;
    const first = token;
    while (token < kept && startOf(token) < end && endOf(token) > start) token++;
    const pieces = token - first;
    const whole = pieces > 0 && startOf(first) === start && endOf(token - 1) === end;
    const known = whole && !ids.subarray(first, token).some((id) => special.has(id));
    if (known) words.push({ start, end, first, pieces });
    if (token >= kept) break;
  }
  return { ids, words, closing };
}

/** Where a text's n-th character is in UTF-16: the tokenizers count characters. */
function codeUnits(text: string): (character: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (character) => character;
  const places = [0];
  for (const character of text) places.push((places.at(-1) as number) + character.length);
  return (character) => places[character] ?? text.length;
}
