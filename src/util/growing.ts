type Values = Float64Array | Uint32Array | Int32Array;

/** A list of numbers in as many bytes as their type takes; it grows by half. */
export class Growing<T extends Values> {
  private values: T;
  private count = 0;

  constructor(private readonly make: new (length: number) => T) {
    this.values = new make(1024);
  }

  get length(): number {
    return this.count;
  }

  push(value: number): void {
    if (this.count === this.values.length) {
      const larger = new this.make(Math.ceil(this.count * 1.5));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
  }

  /** Undefined behind the end. */
  at(index: number): number {
    return this.values[index] as number;
  }

  set(index: number, value: number): void {
    this.values[index] = value;
  }
}
