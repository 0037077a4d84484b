import type { Teacher, Text } from './teacher.js';

/** A shard is held in memory until it is written. */
const BYTES = 2 ** 28;

/**
 * Texts in groups, each to become a shard: as many as `most` allows, and fewer where their bytes are many; one at least.
 * @param bytesOf a text of so many tokens
 */
export async function* groups<T extends { readonly text: Text }>(
  texts: AsyncIterable<T>,
  most: Teacher['shard'],
  bytesOf: (tokens: number) => number,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  let [tokens, bytes] = [0, 0];
  for await (const one of texts) {
    const n = one.text.tokens.length;
    const full = group.length >= most.rows || tokens + n > most.tokens || bytes + bytesOf(n) > BYTES;
    if (full && group.length > 0) {
      yield group;
      [group, tokens, bytes] = [[], 0, 0];
    }
    group.push(one);
    tokens += n;
    bytes += bytesOf(n);
  }
  if (group.length > 0) yield group;
}
