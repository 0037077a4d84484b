import { type DatasetInfo, type Row, readDatasetInfo, streamRows } from '../data/dataset.js';
import { StepFailure } from '../util/failure.js';

/**
 * All rows that a choice is about, numbered from 0: first those that were chosen before, then those to choose from. They
 * are read from disk whenever they are asked for, and never all in memory.
 */
export class Pool {
  private constructor(
    readonly info: DatasetInfo,
    readonly count: number,
    /** How many were chosen before. */
    readonly before: number,
    private readonly folders: { readonly data: string; readonly chosen: string | undefined },
    private readonly known: ReadonlySet<string>,
  ) {}

  /**
   * @param data a dataset @param chosen another, whose rows `data` may hold as well
   * @throws StepFailure if both cannot be one dataset
   */
  static async open(data: string, chosen: string | undefined): Promise<Pool> {
    const info = await readDatasetInfo(data);
    const known = new Set<string>();
    if (chosen !== undefined) {
      const other = await readDatasetInfo(chosen);
      if (JSON.stringify(other.labels) !== JSON.stringify(info.labels)) {
        throw new StepFailure('labels-differ', 'the inputs "data" and "chosen" have other labels', SAME);
      }
      if (info.labelled > 0 && other.labelled > 0 && info.labelled_by !== other.labelled_by) {
        throw new StepFailure('labels-differ', 'the labels of "data" and "chosen" are not from the same', SAME);
      }
      for await (const { id } of streamRows(chosen)) known.add(id);
    }
    let left = 0;
    for await (const { id } of streamRows(data)) if (!known.has(id)) left++;
    return new Pool(info, known.size + left, known.size, { data, chosen }, known);
  }

  async *rows(): AsyncGenerator<Row> {
    if (this.folders.chosen !== undefined) {
      const seen = new Set<string>();
      for await (const row of streamRows(this.folders.chosen)) {
        if (!seen.has(row.id)) yield row;
        seen.add(row.id);
      }
    }
    for await (const row of streamRows(this.folders.data)) if (!this.known.has(row.id)) yield row;
  }

  /** Every row in turn, with its number. */
  async each(visit: (row: Row, number: number) => void | Promise<void>): Promise<void> {
    let number = 0;
    for await (const row of this.rows()) await visit(row, number++);
  }

  /** The rows of these numbers, which rise. */
  async some(numbers: Int32Array): Promise<Row[]> {
    const found: Row[] = [];
    await this.each((row, number) => {
      if (number === numbers[found.length]) found.push(row);
    });
    return found;
  }
}

const SAME = 'Bind "chosen" to what an earlier choose-data took from the same data.';
