import { Growing } from '../util/growing.js';
import { wide } from '../util/hash.js';

/**
 * Which rows belong together: those that have a value in common in any of some fields, and those that have one in common
 * with these (a disjoint-set forest, Tarjan 1975).
 */
export class Groups {
  /** Of each row another one of its group, or itself. */
  private readonly parents = new Growing(Uint32Array);
  /** The first row with a value, by the field and the value's hash of 53 bits. */
  private readonly first: Map<number, number>[];

  /** @param fields how many there are */
  constructor(fields: number) {
    this.first = Array.from({ length: fields }, () => new Map());
  }

  /** Adds the next row. @param values one of each field */
  add(values: readonly string[]): void {
    const row = this.parents.length;
    this.parents.push(row);
    for (const [field, value] of values.entries()) {
      const known = this.first[field] as Map<number, number>;
      const key = wide(value);
      const other = known.get(key);
      if (other === undefined) known.set(key, row);
      else this.join(other, row);
    }
  }

  /** The same number for all rows of a group: its first row. */
  of(row: number): number {
    let root = row;
    while (this.parents.at(root) !== root) {
      // Half of the way is forgotten each time, so that it stays short.
      const above = this.parents.at(this.parents.at(root));
      this.parents.set(root, above);
      root = above;
    }
    return root;
  }

  private join(a: number, b: number): void {
    const [low, high] = [this.of(a), this.of(b)].sort((x, y) => x - y) as [number, number];
    this.parents.set(high, low);
  }
}
