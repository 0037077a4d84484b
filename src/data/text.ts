/**
 * What windows-1252 has at 0x80 … 0x9f; a space where it has nothing. Some releases of Node 20 to 23 decode that set,
 * and with it what calls itself ISO-8859-1 or US-ASCII, as if these were control characters
 * (https://github.com/nodejs/node/issues/56542). No text holds such characters, so they can be told.
 */
const WINDOWS_1252 = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/**
 * White space as a reader sees it: one space between words, no space at a line's ends, at most one blank line, no
 * control characters, no soft hyphens or zero-width spaces. Half surrogate pairs become U+FFFD, so that the text
 * survives UTF-8.
 */
export function normalizeText(text: string): string {
  return wellFormed(text)
    .replace(/[\u0080-\u009f]/g, (character) => WINDOWS_1252.charAt(character.charCodeAt(0) - 0x80))
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/(?!\s)\p{Cc}|[\u00ad\u200b\ufeff]/gu, '')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** The text with each half surrogate pair replaced by U+FFFD, as encoding it in UTF-8 would. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** At most `limit` UTF-16 code units from the start, never half a surrogate pair. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit);
}
