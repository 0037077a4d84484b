/** How many rows there are of each label; null for those without. */
export class Tally {
  private readonly counts = new Map<string | null, number>();
  private all = 0;

  static of(rows: Iterable<{ readonly label: string | null }>): Tally {
    const tally = new Tally();
    for (const { label } of rows) tally.add(label);
    return tally;
  }

  add(label: string | null): void {
    this.counts.set(label, this.count(label) + 1);
    this.all++;
  }

  count(label: string | null): number {
    return this.counts.get(label) ?? 0;
  }

  get total(): number {
    return this.all;
  }

  /** By the name of the label, those without last. */
  get byLabel(): readonly { readonly label: string | null; readonly rows: number }[] {
    return [...this.counts]
      .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
      .map(([label, rows]) => ({ label, rows }));
  }
}
