import { fnv1a, mix } from '../util/hash.js';

const WORDS = 5;

/**
 * The set of a text's word 5-grams (w-shingles, Broder 1997), each as a 32-bit hash, sorted. Words are runs of
 * letters and digits, in lower case, every digit a 0: numbers, dates and codes tell copies apart, not texts. A text
 * of fewer than five words is one shingle; one without any word is a shingle of its characters.
 */
export function shingles(text: string): Uint32Array {
  const words = text
    .toLowerCase()
    .replace(/\p{N}/gu, '0')
    .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [text.replace(/\s+/g, '')];
  const hashes = Uint32Array.from(words, fnv1a);
  const all = new Uint32Array(Math.max(1, hashes.length - WORDS + 1));
  for (let start = 0; start < all.length; start++) {
    const end = Math.min(start + WORDS, hashes.length);
    let h = 0;
    for (let i = start; i < end; i++) h = mix(Math.imul(h, 0x9e3779b1) + (hashes[i] as number));
    all[start] = h;
  }
  all.sort();
  let count = 1;
  for (let i = 1; i < all.length; i++) if (all[i] !== all[count - 1]) all[count++] = all[i] as number;
  return all.slice(0, count);
}

/** Jaccard similarity |a ∩ b| / |a ∪ b| of two sets of at least one element each, sorted. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i] as number;
    const y = b[j] as number;
    if (x === y) common++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return common / (a.length + b.length - common);
}
