import type { EncodedBatch } from '../data/tokenizer.js';

const BATCH = 32;

/**
 * What a model says of many texts, row-major [texts, width]. One text alone runs as a batch of one; more in batches of
 * 32, texts of like length together.
 *
 * @param run gives [ids, width], or more rows, of some texts' ids; its second argument is the batch's size, which the
 *   last texts may not fill
 */
export async function inBatches(
  tokens: EncodedBatch,
  width: number,
  run: (ids: readonly Int32Array[], size: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const said = new Float32Array(tokens.texts * width);
  const size = tokens.texts === 1 ? 1 : BATCH;
  const order = Array.from({ length: tokens.texts }, (_, i) => i);
  order.sort((a, b) => tokens.length(a) - tokens.length(b) || a - b);
  for (let start = 0; start < order.length; start += size) {
    const chunk = order.slice(start, start + size);
    const rows = await run(
      chunk.map((i) => tokens.ids(i)),
      size,
    );
    chunk.forEach((row, i) => {
      said.set(rows.subarray(i * width, (i + 1) * width), row * width);
    });
  }
  return said;
}

/** Tokens of the longest text. */
export const longestOf = (ids: readonly Int32Array[]): number => Math.max(...ids.map((text) => text.length));
