/** Token ids of many texts, unpadded, one text after the other. */
export class EncodedBatch {
  constructor(
    readonly flat: Int32Array,
    /** Where each text begins in `flat`, and where the last one ends: [texts + 1]. */
    readonly offsets: Int32Array,
    /** Of pairs, how many tokens of each come before those of the second text: [texts]. */
    readonly seconds?: Int32Array,
  ) {}

  /** @param seconds of pairs, how many tokens of each come before those of the second text */
  static of(texts: readonly ArrayLike<number>[], seconds?: readonly number[]): EncodedBatch {
    const offsets = new Int32Array(texts.length + 1);
    texts.forEach(({ length }, i) => {
      offsets[i + 1] = (offsets[i] as number) + length;
    });
    const flat = new Int32Array(offsets[texts.length] as number);
    texts.forEach((ids, i) => {
      flat.set(ids, offsets[i]);
    });
    return new EncodedBatch(flat, offsets, seconds && Int32Array.from(seconds));
  }

  get texts(): number {
    return this.offsets.length - 1;
  }

  /** Ids of one text: a view. */
  ids(text: number): Int32Array {
    return this.flat.subarray(this.offsets[text], this.offsets[text + 1]);
  }

  /** Tokens of one text. */
  length(text: number): number {
    return (this.offsets[text + 1] as number) - (this.offsets[text] as number);
  }

  /** Its texts are pairs. */
  get pairs(): boolean {
    return this.seconds !== undefined;
  }

  /** Tokens of a pair before those of its second text, special ones included; undefined where texts are no pairs. */
  second(text: number): number | undefined {
    return this.seconds?.[text];
  }
}
