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
  const stride = bytesOfHigh(group, bits);
  const high = new Uint8Array(group === 0 ? 0 : (ids.length / group) * stride);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    low[i] = id;
    const start = Math.floor(i / group) * stride;
    for (let b = 0; b < bits; b++) {
      const at = (i % group) * bits + b;
      const byte = start + (at >> 3);
      high[byte] = (high[byte] as number) | (((id >>> (16 + b)) & 1) << (at & 7));
    }
  }
  return { low, high };
}

/** The ids of which `splitIds` made this. */
export function joinIds({ low, high }: SplitIds, group: number, bits: number): Int32Array {
  const ids = Int32Array.from(low);
  const stride = bytesOfHigh(group, bits);
  for (let i = 0; bits > 0 && i < ids.length; i++) {
    const start = Math.floor(i / group) * stride;
    let upper = 0;
    for (let b = 0; b < bits; b++) {
      const at = (i % group) * bits + b;
      upper |= (((high[start + (at >> 3)] as number) >> (at & 7)) & 1) << b;
    }
    ids[i] = (ids[i] as number) | (upper << 16);
  }
  return ids;
}
