import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { Growing } from '../util/growing.js';
import type { Row } from './dataset.js';

/** Bytes that are written, or read in one go, at a time. */
const BLOCK = 1 << 20;

/**
 * Rows in a file of their own, by number, so that a corpus may be larger than memory: 8 bytes of a row are kept there.
 * Reading and writing blocks, as the file was just written and is in the system's cache.
 */
export class RowStore {
  /** Where each row begins, and behind them where the next one will. */
  private readonly starts = new Growing(Float64Array);
  private readonly file: number;
  private pending: string[] = [];
  private pendingCharacters = 0;
  private end = 0;
  private written = 0;

  /** @param path of the file; it is removed by `close` */
  constructor(private readonly path: string) {
    this.file = openSync(path, 'w+');
  }

  get length(): number {
    return this.starts.length;
  }

  /** Adds a row under the next number. */
  add(row: Row): void {
    const line = `${JSON.stringify(row)}\n`;
    this.starts.push(this.end);
    this.end += Buffer.byteLength(line);
    this.pending.push(line);
    this.pendingCharacters += line.length;
    if (this.pendingCharacters > BLOCK) this.flush();
  }

  /** The row of a number. */
  read(number: number): Row {
    const start = this.starts.at(number);
    const end = this.endOf(number);
    if (end > this.written) this.flush();
    return JSON.parse(this.bytes(start, end).toString('utf8')) as Row;
  }

  /** The rows of some numbers, which ascend: what lies close together is read together. */
  *inOrder(wanted: Iterable<{ readonly number: number }>): Generator<Row & { readonly number: number }> {
    this.flush();
    let block: Buffer = Buffer.alloc(0);
    let from = 0;
    for (const { number } of wanted) {
      const [start, end] = [this.starts.at(number), this.endOf(number)];
      if (start < from || end > from + block.length) {
        from = start;
        block = this.bytes(start, Math.max(end, Math.min(start + BLOCK, this.end)));
      }
      const row = JSON.parse(block.subarray(start - from, end - from).toString('utf8')) as Row;
      yield { ...row, number };
    }
  }

  /** Removes the file. */
  close(): void {
    closeSync(this.file);
    rmSync(this.path, { force: true });
  }

  private endOf(number: number): number {
    return number + 1 < this.starts.length ? this.starts.at(number + 1) : this.end;
  }

  private bytes(start: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafe(end - start);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(this.file, bytes, at, bytes.length - at, start + at);
      if (read === 0) throw new Error(`${this.path} ends at byte ${start + at}, before ${end}`);
      at += read;
    }
    return bytes;
  }

  private flush(): void {
    if (this.pending.length === 0) return;
    const bytes = Buffer.from(this.pending.join(''));
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at, this.written + at);
    this.written += bytes.length;
    this.pending = [];
    this.pendingCharacters = 0;
  }
}
