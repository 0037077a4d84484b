/** Ids and token hashes are 16 hex digits. */
const PATTERN = /^[0-9a-f]{16}$/;
const BYTES = 8;

/** Texts of 16 hex digits, 8 bytes each. */
export class HexList {
  private bytes = Buffer.alloc(64 * BYTES);
  length = 0;

  /** Throws (a bug of who made it) for anything else than 16 hex digits. */
  push(hex: string): void {
    if (!PATTERN.test(hex)) throw new Error(`"${hex}" is not the id of a row: 16 hex digits of a hash`);
    if (this.length * BYTES === this.bytes.length) this.bytes = Buffer.concat([this.bytes], 2 * this.bytes.length);
    this.bytes.write(hex, this.length++ * BYTES, 'hex');
  }

  at(i: number): string {
    return this.slice(i).toString('hex');
  }

  /** The bytes of one: a view. */
  slice(i: number): Buffer {
    return this.bytes.subarray(i * BYTES, (i + 1) * BYTES);
  }

  /** One as two numbers of 32 bits. */
  upper(i: number): number {
    return this.bytes.readUInt32BE(i * BYTES);
  }

  lower(i: number): number {
    return this.bytes.readUInt32BE(i * BYTES + 4);
  }
}

/** Ids without duplicates in the order in which they were added, found by a hash table of whole numbers: 16 to 32 bytes a row. */
export class RowIds {
  private readonly ids = new HexList();
  /** The number of an id, counted from 1; 0 where the place is free. */
  private places = new Int32Array(128);

  get length(): number {
    return this.ids.length;
  }

  at(i: number): string {
    return this.ids.at(i);
  }

  /** The bytes of one: a view. */
  slice(i: number): Buffer {
    return this.ids.slice(i);
  }

  /** False if it was there. Throws (a bug of who made it) if it is not 16 hex digits. */
  add(id: string): boolean {
    if (this.find(id) >= 0) return false;
    this.ids.push(id);
    if (2 * this.length > this.places.length) this.grow();
    else this.place(this.length - 1);
    return true;
  }

  /** Its number, counted from 0; -1 if it is not there. */
  find(id: string): number {
    const [upper, lower] = [Number.parseInt(id.slice(0, 8), 16), Number.parseInt(id.slice(8), 16)];
    const mask = this.places.length - 1;
    // An id is a hash already: where it is looked for first is a part of it.
    for (let at = upper & mask; ; at = (at + 1) & mask) {
      const number = (this.places[at] as number) - 1;
      if (number < 0 || (this.ids.upper(number) === upper && this.ids.lower(number) === lower)) return number;
    }
  }

  private grow(): void {
    this.places = new Int32Array(2 * this.places.length);
    for (let i = 0; i < this.length; i++) this.place(i);
  }

  private place(i: number): void {
    const mask = this.places.length - 1;
    let at = this.ids.upper(i) & mask;
    while (this.places[at] !== 0) at = (at + 1) & mask;
    this.places[at] = i + 1;
  }
}
