import { Growing } from '../util/growing.js';

const FULLEST = 0.6;

/** Finds the number of an id (`rowId`: 16 hex digits) among those added: a hash table of 16 bytes and some an id. */
export class IdTable {
  private readonly high = new Growing(Uint32Array);
  private readonly low = new Growing(Uint32Array);
  /** Number + 1, 0 for none; linear probing. */
  private slots = new Uint32Array(1024);

  /** The number of an id; undefined if it was not added. */
  find(id: string): number | undefined {
    const [high, low] = halves(id);
    const found = (this.slots[this.slotOf(high, low)] as number) - 1;
    return found < 0 ? undefined : found;
  }

  /** Adds an id that is not there, under the next number. */
  add(id: string): void {
    const [high, low] = halves(id);
    this.high.push(high);
    this.low.push(low);
    if (this.high.length > FULLEST * this.slots.length) {
      this.slots = new Uint32Array(2 * this.slots.length);
      for (let i = 0; i < this.high.length; i++) this.slots[this.slotOf(this.high.at(i), this.low.at(i))] = i + 1;
    } else {
      this.slots[this.slotOf(high, low)] = this.high.length;
    }
  }

  /** Where an id stands, or would. */
  private slotOf(high: number, low: number): number {
    const mask = this.slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const number = this.slots[slot] as number;
      if (number === 0 || (this.low.at(number - 1) === low && this.high.at(number - 1) === high)) return slot;
    }
  }
}

const halves = (id: string): [number, number] => [
  Number.parseInt(id.slice(0, 8), 16),
  Number.parseInt(id.slice(8), 16),
];
