import type { Token } from './reply.js';

/**
 * Tokens are pieces of UTF-8, not of text: one may hold a part of a character. So texts are compared as strings with a
 * code unit for each byte (Node's `latin1`), called bytes here.
 */
export const bytesOf = (text: string): string => (ASCII.test(text) ? text : Buffer.from(text).toString('latin1'));

/** What is its own bytes: nearly all of the tokens that an answer brings. */
const ASCII = /^[^\u0080-\uffff]*$/;

/** Bytes of a token, also of one that is no whole character. */
export const bytesOfToken = ({ token, bytes }: Token): string =>
  bytes === undefined ? bytesOf(token) : Buffer.from(bytes).toString('latin1');

/** The text that bytes are, as far as it goes: U+FFFD stands for what is incomplete. */
export const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Bytes in lower case; those of a character that is not complete stay as they are. */
export function lowerCase(bytes: string): string {
  const end = bytes.length - incomplete(bytes);
  return bytesOf(textOf(bytes.slice(0, end)).toLowerCase()) + bytes.slice(end);
}

/** How many bytes at the end are the beginning of a character. */
function incomplete(bytes: string): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes.charCodeAt(bytes.length - back);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/** ASCII white space only: other bytes may be parts of characters. */
const SPACE = '[ \\t\\r\\n]*';
const BEFORE = new RegExp(`^${SPACE}`);
const ONLY_SPACE = new RegExp(`^${SPACE}$`);

export const trimStart = (bytes: string): string => bytes.replace(BEFORE, '');

export function trimEnd(bytes: string): string {
  let end = bytes.length;
  while (end > 0 && ' \t\r\n'.includes(bytes[end - 1] as string)) end--;
  return bytes.slice(0, end);
}

/** Where a text stands in the tokens that spell it. */
export interface Spelt {
  /** The token in which it begins. */
  readonly first: number;
  /** Bytes from the beginning of all tokens to the text's beginning; less than 0 if its leading space is in no token. */
  readonly start: number;
}

/**
 * Finds the answer among the tokens of a whole completion, where reasoning may stand before it and a token that ends the
 * turn behind it: at the last place where the text, but for white space around it, ends where a token does.
 *
 * @returns undefined if the tokens do not spell it
 */
export function locate(text: string, tokens: readonly Token[]): Spelt | undefined {
  const body = bytesOf(text.trim());
  if (body === '') return undefined;
  const parts = tokens.map(bytesOfToken);
  const all = parts.join('');
  const lead = bytesOf(text.slice(0, text.length - text.trimStart().length)).length;
  const ends: number[] = [];
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length);
  for (let at = all.lastIndexOf(body); at >= 0; at = at === 0 ? -1 : all.lastIndexOf(body, at - 1)) {
    const end = at + body.length;
    const tokenEnd = ends.find((each) => each >= end) as number;
    if (ONLY_SPACE.test(all.slice(end, tokenEnd))) {
      return { first: ends.findIndex((each) => each > at), start: at - lead };
    }
  }
  return undefined;
}
