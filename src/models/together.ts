/** Texts that a language model writes at once, at most: each step reads its weights once for all of them. */
export const TOGETHER = 8;
