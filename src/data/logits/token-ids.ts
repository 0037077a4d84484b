/**
 * Token ids in few bits: the lower 16 of each as a number of its own, the bits above them, as many as the vocabulary
 * needs, packed one after the other from the least significant bit of each byte on. Of 128,256 tokens that is 17 bits an
 * id, of 151,936 18.
 */

/** Bits above the lower 16 that the ids of a vocabulary need. */
export const highBits = (vocabulary: number): number => Math.max(0, 32 - Math.clz32(vocabulary - 1) - 16);

/** Bytes of the upper bits of so many ids. */
export const bytesOfHigh = (ids: number, bits: number): number => Math.ceil((ids * bits) / 8);

export interface SplitIds {
  readonly low: Uint16Array;
  readonly high: Uint8Array;
}

/**
 * Splits ids; the upper bits of each `group` of them begin with a new byte.
 * @param bits from `highBits`
 */
export function splitIds(ids: ArrayLike<number>, group: number, bits: number): SplitIds {
  const low = new Uint16Array(ids.length);
  const high = new Uint8Array(group === 0 ? 0 : (ids.length / group) * bytesOfHigh(group, bits));
  for (let i = 0; i < ids.length; i++) low[i] = ids[i] as number;
  if (bits === 0) return { low, high };
  let byte = 0;
  for (let start = 0; start < ids.length; start += group) {
    let [pending, filled] = [0, 0];
    for (let i = start; i < start + group; i++) {
      pending |= ((ids[i] as number) >>> 16) << filled;
      for (filled += bits; filled >= 8; filled -= 8) {
        high[byte++] = pending;
        pending >>>= 8;
      }
    }
    if (filled > 0) high[byte++] = pending;
  }
  return { low, high };
}

/** The ids of which `splitIds` made this. */
export function joinIds({ low, high }: SplitIds, group: number, bits: number): Int32Array {
  const ids = new Int32Array(low.length);
  for (let i = 0; i < low.length; i++) ids[i] = low[i] as number;
  if (bits === 0) return ids;
  const mask = 2 ** bits - 1;
  let byte = 0;
  for (let start = 0; start < ids.length; start += group) {
    let [pending, filled] = [0, 0];
    for (let i = start; i < start + group; i++) {
      for (; filled < bits; filled += 8) pending |= (high[byte++] as number) << filled;
      ids[i] = (ids[i] as number) | ((pending & mask) << 16);
      pending >>>= bits;
      filled -= bits;
    }
  }
  return ids;
}
