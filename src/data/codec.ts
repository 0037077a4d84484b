import { openTokenizer } from './tokenizer.js';

/** Text to tokens and back, exactly: nothing is cut, and what tokens stand for can be said byte by byte. */
export interface TextCodec {
  readonly vocabularySize: number;
  /** @param special whether the special tokens that go around a text are added */
  encode(text: string, special: boolean): Promise<number[]>;
  /** The text of some tokens, without special ones; U+FFFD stands for bytes that are no UTF-8. */
  decode(ids: readonly number[]): Promise<string>;
  /** The bytes that a token stands for within a text. */
  bytes(id: number): Uint8Array;
  /** Null if there is no such token. */
  idOf(token: string): number | null;
}

/** The parts of `tokenizer.json` that say how a token is written. */
interface TokenizerJson {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly decoder?: unknown;
}

/**
 * Loads `tokenizer.json` of a model's folder.
 * @throws StepFailure `corrupt-tokenizer`
 */
export async function loadCodec(folder: string): Promise<TextCodec> {
  const { tokenizer, json } = await openTokenizer(folder);
  const { added_tokens = [], decoder } = JSON.parse(json) as TokenizerJson;
  const added = new Map(added_tokens.map(({ id, content }) => [id, content]));
  const toBytes = mentions(decoder, 'ByteLevel') ? byteLevel : plain;
  return {
    vocabularySize: tokenizer.getVocabSize(true),
    async encode(text, special) {
      return (await tokenizer.encode(text, null, { addSpecialTokens: special })).getIds();
    },
    decode: (ids) => tokenizer.decode([...ids], true),
    bytes(id) {
      const written = added.get(id);
      return written === undefined ? toBytes(tokenizer.idToToken(id) ?? '') : utf8.encode(written);
    },
    idOf: (token) => tokenizer.tokenToId(token),
  };
}

/** Whether a decoder, or one within it, is of that type. */
function mentions(decoder: unknown, type: string): boolean {
  if (typeof decoder !== 'object' || decoder === null) return false;
  return Object.values(decoder).some((value) => value === type || mentions(value, type));
}

const utf8 = new TextEncoder();

/** Characters that byte-level tokens are written in, and the byte of each: GPT-2's `bytes_to_unicode`. */
const BYTES = ((): ReadonlyMap<string, number> => {
  const bytes = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    bytes.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return bytes;
})();

/** GPT-2's tokens: each character is a byte. */
function byteLevel(token: string): Uint8Array {
  return Uint8Array.from([...token].flatMap((character) => BYTES.get(character) ?? [...utf8.encode(character)]));
}

/** Llama's tokens: `▁` is a space, `<0x0A>` a byte. */
function plain(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  return byte === undefined ? utf8.encode(token.replaceAll('▁', ' ')) : Uint8Array.of(Number.parseInt(byte, 16));
}
