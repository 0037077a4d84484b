/** Bytes of the longest line, or record, that can be a row. */
export const LONGEST_ROW = 8 * 2 ** 20;
/** A packed file may unpack to this many bytes, and beyond them to so many times its size. */
export const UNPACKED_FREELY = 64 * 2 ** 20;
export const MOST_TIMES = 100;
