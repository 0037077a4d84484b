import type { TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { longestOf } from '../models/batches.js';
import { encode, tokenLogits } from '../models/forward.js';
import type { MaskedModel } from '../models/masked-model.js';
import { batchRows, bucketLength, padTokens } from '../models/padding.js';

/** Texts that run together. */
const BATCH = 32;

/** A text one of whose tokens is hidden. */
export interface Hidden {
  readonly ids: Int32Array;
  /** The hidden one's place. */
  readonly place: number;
}

/**
 * What a masked language model thinks stands at hidden places: of some tokens the likeliest, likeliest first.
 * @param allowed tokens to choose from, ascending
 * @param after called after each batch
 */
export async function tellHidden(
  { config, parameters, runner }: MaskedModel,
  texts: readonly Hidden[],
  allowed: Int32Array,
  most: number,
  after: () => Promise<void>,
): Promise<Int32Array[]> {
  const fn: TensorFunction = {
    key: `hidden ${JSON.stringify(config)}`,
    call: (p, b) => {
      const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' as const };
      const last = encode(config, p, input).hiddenStates.at(-1) as Tensor;
      return { logits: tokenLogits(config, p, last, b.positions as Tensor) };
    },
  };
  const found: Int32Array[] = Array.from({ length: texts.length });
  const lengthOf = (i: number): number => (texts[i] as Hidden).ids.length;
  const order = texts.map((_, i) => i).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  for (let start = 0; start < order.length; start += BATCH) {
    const chunk = order.slice(start, start + BATCH);
    const own = chunk.map((i) => texts[i] as Hidden);
    const ids = own.map((text) => text.ids);
    const length = bucketLength(longestOf(ids), config.maxLength);
    const rows = batchRows(ids.length, BATCH);
    const positions = new Int32Array(rows);
    own.forEach(({ place }, row) => {
      positions[row] = row * length + place;
    });
    const feeds = {
      ...padTokens(ids, rows, length, config.padId),
      positions: { dtype: 'int32' as const, shape: [rows], data: positions },
    };
    const { logits } = (await runner.forward(fn, parameters, feeds)) as { logits: Float32Array };
    chunk.forEach((i, row) => {
      found[i] = largest(logits.subarray(row * config.vocabulary, (row + 1) * config.vocabulary), allowed, most);
    });
    await after();
  }
  return found;
}

/** Of the allowed indices those of the largest values, largest first; of equal ones the lower index first. */
export function largest(values: Float32Array, allowed: Int32Array, most: number): Int32Array {
  const best: number[] = [];
  for (const i of allowed) {
    const value = values[i] as number;
    if (best.length === most && value <= (values[best.at(-1) as number] as number)) continue;
    let at = best.length;
    while (at > 0 && (values[best[at - 1] as number] as number) < value) at--;
    best.splice(at, 0, i);
    if (best.length > most) best.pop();
  }
  return Int32Array.from(best);
}
