import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from 'tokenizers';
import { StepFailure } from '../util/failure.js';
import { EncodedBatch } from './encoded-batch.js';
import { encodePairs } from './pair-tokens.js';

export { EncodedBatch };

/** Tokens of many texts, and of each text where they begin and end, UTF-16 code units; 0 and 0 of special ones. */
export interface LocatedBatch {
  readonly tokens: EncodedBatch;
  readonly places: readonly { readonly starts: Int32Array; readonly ends: Int32Array }[];
}

export interface TextTokenizer {
  readonly vocabularySize: number;
  readonly padId: number;
  /** Ends a text that is written; null where the tokenizer names none. */
  readonly endId: number | null;
  /** Stands for a token that is hidden; null where the tokenizer has none. */
  readonly maskId: number | null;
  /** Tokens that no text is made of: padding, begin, end, unknown, mask. */
  readonly specialIds: ReadonlySet<number>;
  /** SHA-256 of `tokenizer.json`, hex. */
  readonly hash: string;
  /** Each text with the special tokens around it, at most `maxLength` (≥ 2) in all; what is cut off is the text's end. */
  encode(texts: readonly string[], maxLength: number): Promise<EncodedBatch>;
  /** The same tokens as `encode` gives, and where in each text they are. */
  locate(texts: readonly string[], maxLength: number): Promise<LocatedBatch>;
  /**
   * Each text and its pair with the special tokens around and between them, at most `maxLength` in all; what is cut off
   * is the longer text's end, token by token until both are as long (`longest_first` of transformers).
   * @throws StepFailure `no-pairs` if the tokenizer sets nothing between two texts
   */
  encodePairs(texts: readonly string[], pairs: readonly string[], maxLength: number): Promise<EncodedBatch>;
  /**
   * Texts as whole as they are: of a `prompt` the special tokens that begin every text and none that ends one, of a
   * `continuation`, which stands behind a prompt, its own tokens alone.
   */
  encodeWhole(texts: readonly string[], as: 'prompt' | 'continuation'): Promise<Int32Array[]>;
  /** The text of some tokens, without special ones; U+FFFD stands for bytes that are no UTF-8. */
  decode(ids: readonly number[]): Promise<string>;
}

/** Texts that go to the native code at a time. */
const CHUNK = 256;
/** Characters read a token wanted, at first; mails have 4 to 5. */
const CHARACTERS = 8;

/**
 * Loads `tokenizer.json` of a tokenizer's or model's folder.
 * @throws StepFailure `corrupt-tokenizer`
 */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const { tokenizer, json } = await openTokenizer(folder);
  const suffix = await suffixOf(tokenizer);
  const padId = (await idOf(folder, tokenizer, 'pad_token', PADDING)) ?? 0;
  const maskId = await idOf(folder, tokenizer, 'mask_token', MASKING);
  return {
    vocabularySize: tokenizer.getVocabSize(true),
    padId,
    maskId,
    specialIds: new Set([padId, ...(maskId === null ? [] : [maskId]), ...specialTokens(json)]),
    endId: await idOf(folder, tokenizer, 'eos_token', ENDING),
    hash: createHash('sha256').update(json).digest('hex'),
    encode: (texts, maxLength) => encode(tokenizer, suffix, texts, maxLength),
    encodePairs: (texts, pairs, maxLength) => encodePairs(json, texts, pairs, maxLength),
    locate: (texts, maxLength) => locate(tokenizer, suffix, texts, maxLength),
    async encodeWhole(texts, as) {
      const ids = await encodeAll(tokenizer, [...texts], as === 'prompt');
      const end = as === 'prompt' ? -suffix.length || undefined : undefined;
      return ids.map((own) => Int32Array.from(own.slice(0, end)));
    },
    decode: (ids) => tokenizer.decode([...ids], true),
  };
}

/**
 * The package's tokenizer, which neither cuts nor fills up, and the text of its `tokenizer.json`.
 * @throws StepFailure `corrupt-tokenizer`
 */
export async function openTokenizer(folder: string): Promise<{ readonly tokenizer: Tokenizer; readonly json: string }> {
  const file = join(folder, 'tokenizer.json');
  const { Tokenizer } = await import('tokenizers');
  let json: string;
  let tokenizer: Tokenizer;
  try {
    json = await readFile(file, 'utf8');
    tokenizer = Tokenizer.fromString(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StepFailure('corrupt-tokenizer', `${file}: not a tokenizer: ${why}`);
  }
  // Settings of whoever saved it; how texts are cut and filled up is said here.
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  return { tokenizer, json };
}

/** The special tokens that end every text: `[SEP]` of BERT, none of GPT-2. */
async function suffixOf(tokenizer: Tokenizer): Promise<number[]> {
  const [empty = [], some = []] = await encodeAll(tokenizer, ['', 'a']);
  let n = 0;
  while (n < empty.length && n < some.length && empty.at(-1 - n) === some.at(-1 - n)) n++;
  return n === 0 ? [] : empty.slice(-n);
}

/**
 * Usual names of the token that fills up a batch, or of one that may. Models do not look at padding, so any token would
 * do; this is the one that other tools expect.
 */
const PADDING = ['[PAD]', '<pad>', '<|pad|>', '<|finetune_right_pad_id|>', '<|endoftext|>', '<|end_of_text|>', '</s>'];

/** Usual names of the token that ends a text. */
const ENDING = ['<|endoftext|>', '<|im_end|>', '<|end_of_text|>', '</s>'];

/** Usual names of the token that hides another. */
const MASKING = ['[MASK]', '<mask>'];

function specialTokens(json: string): number[] {
  const { added_tokens: added = [] } = JSON.parse(json) as {
    added_tokens?: readonly { readonly id: number; readonly special?: boolean }[];
  };
  return added.filter(({ special }) => special).map(({ id }) => id);
}

/** The token that the tokenizer's settings name, or one of the usual; null if there is none. */
async function idOf(
  folder: string,
  tokenizer: Tokenizer,
  name: 'pad_token' | 'eos_token' | 'mask_token',
  usual: readonly string[],
): Promise<number | null> {
  const config = await readFile(join(folder, 'tokenizer_config.json'), 'utf8').then(
    (text) => JSON.parse(text) as { readonly [key in typeof name]?: string | { readonly content: string } | null },
    () => undefined,
  );
  const given = config?.[name];
  const named = typeof given === 'object' ? given?.content : given;
  for (const token of named ? [named, ...usual] : usual) {
    const id = tokenizer.tokenToId(token);
    if (id !== null) return id;
  }
  return null;
}

async function locate(
  tokenizer: Tokenizer,
  suffix: readonly number[],
  texts: readonly string[],
  maxLength: number,
): Promise<LocatedBatch> {
  const tokens = await encode(tokenizer, suffix, texts, maxLength);
  const places: LocatedBatch['places'][number][] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    const encodings = await tokenizer.encodeBatch(texts.slice(start, start + CHUNK), { addSpecialTokens: true });
    for (const [i, encoding] of encodings.entries()) {
      const text = texts[start + i] as string;
      const offsets = encoding.getOffsets();
      const length = tokens.length(start + i);
      const cut = offsets.length > length;
      const unit = codeUnits(text);
      const [starts, ends] = [new Int32Array(length), new Int32Array(length)];
      for (let k = 0; k < length - (cut ? suffix.length : 0); k++) {
        const [from, to] = offsets[k] as [number, number];
        starts[k] = unit(from);
        ends[k] = unit(to);
      }
      places.push({ starts, ends });
    }
  }
  return { tokens, places };
}

/** Where a text's n-th character is in UTF-16: the tokenizers count characters. */
function codeUnits(text: string): (character: number) => number {
  if (!/[\ud800-\udbff]/.test(text)) return (character) => character;
  const places = [0];
  for (const character of text) places.push((places.at(-1) as number) + character.length);
  return (character) => places[character] as number;
}

/** A head's last tokens may not be the whole text's: a piece may reach over the cut. */
const MARGIN = 4;

async function encode(
  tokenizer: Tokenizer,
  suffix: readonly number[],
  texts: readonly string[],
  maxLength: number,
): Promise<EncodedBatch> {
  const encoded: number[][] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    const chunk = texts.slice(start, start + CHUNK);
    const heads = chunk.map((text) => head(text, maxLength * CHARACTERS));
    const ids = await encodeAll(tokenizer, heads);
    // The head was too short for this many tokens: read the whole text.
    const enough = maxLength + MARGIN;
    const short = chunk.flatMap((text, i) => (heads[i] !== text && (ids[i] as number[]).length < enough ? [i] : []));
    const whole = await encodeAll(
      tokenizer,
      short.map((i) => chunk[i] as string),
    );
    short.forEach((i, k) => {
      ids[i] = whole[k] as number[];
    });
    encoded.push(...ids);
  }
  return EncodedBatch.of(
    encoded.map((ids) => (ids.length > maxLength ? [...ids.slice(0, maxLength - suffix.length), ...suffix] : ids)),
  );
}

/**
 * The text up to a space or line end at or before `limit`: tokenizers hardly ever join characters across one, so but for
 * a few at its end the tokens of such a head are the first tokens of the text. The whole text if it is shorter or has no
 * such place.
 */
function head(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = Math.max(text.lastIndexOf(' ', limit), text.lastIndexOf('\n', limit));
  return end > 0 ? text.slice(0, end) : text;
}

async function encodeAll(tokenizer: Tokenizer, texts: string[], special = true): Promise<number[][]> {
  if (texts.length === 0) return [];
  const encodings = await tokenizer.encodeBatch(texts, { addSpecialTokens: special });
  return encodings.map((encoding) => encoding.getIds());
}
