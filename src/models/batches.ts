import type { EncodedBatch } from '../data/tokenizer.js';

const BATCH = 32;

/** What a model asks of texts that run together. */
export interface Together {
  /** So many, neither more nor less: the last ones of a batch may be padding. */
  readonly rows?: number | undefined;
  /** All of as many tokens: it knows no padding. */
  readonly alike?: boolean;
}

/**
 * What a model says of many texts, row-major [texts, width]. One text alone runs as a batch of one; more in batches of
 * 32, texts of like length together.
 *
 * @param run gives [ids, width], or more rows, of some texts' ids; its second argument is the batch's size, which the
 *   texts may not fill, its third, of pairs, how many tokens of each come before those of the second text
 */
export async function inBatches(
  tokens: EncodedBatch,
  width: number,
  run: (ids: readonly Int32Array[], size: number, seconds: readonly (number | undefined)[]) => Promise<Float32Array>,
  { rows, alike = false }: Together = {},
): Promise<Float32Array> {
  const said = new Float32Array(tokens.texts * width);
  const size = rows ?? (tokens.texts === 1 ? 1 : BATCH);
  const order = Array.from({ length: tokens.texts }, (_, i) => i);
  const length = (i: number): number => tokens.length(order[i] as number);
  order.sort((a, b) => tokens.length(a) - tokens.length(b) || a - b);
  for (let start = 0, end = 0; start < order.length; start = end) {
    end = Math.min(start + size, order.length);
    if (alike) while (length(end - 1) !== length(start)) end--;
    const chunk = order.slice(start, end);
    const answers = await run(
      chunk.map((i) => tokens.ids(i)),
      size,
      chunk.map((i) => tokens.second(i)),
    );
    chunk.forEach((row, i) => {
      said.set(answers.subarray(i * width, (i + 1) * width), row * width);
    });
  }
  return said;
}

/** Tokens of the longest text. */
export const longestOf = (ids: readonly Int32Array[]): number => Math.max(...ids.map((text) => text.length));
