import { createReadStream } from 'node:fs';
import { StepFailure } from '../util/failure.js';

/** One line of a text file. */
export interface Line {
  /** 1-based. */
  readonly number: number;
  /** Without its line end. */
  readonly text: string;
  /** Bytes of the file up to and including this line. */
  readonly end: number;
}

/** A line that is none: one longer than is read, or of bytes that are no UTF-8. */
export interface OddLine {
  readonly number: number;
  readonly end: number;
  /** What is wrong with it. */
  readonly reason: 'not-utf8' | 'line-too-long';
  /** Its bytes, without its line end; empty where it is too long. */
  readonly bytes: Buffer;
}

const LONGEST_LINE = 64 * 2 ** 20;

/**
 * The lines of a UTF-8 file, read as a stream; `\n` and `\r\n` end a line, a byte order mark is dropped.
 * @throws StepFailure `not-utf8` or `line-too-long` (over 64 MiB), naming file:line
 */
export async function* readLines(file: string): AsyncGenerator<Line> {
  const chunks = createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
  for await (const line of splitLines(chunks, LONGEST_LINE)) {
    if (!('reason' in line)) yield line;
    else if (line.reason === 'line-too-long') {
      throw new StepFailure(line.reason, `${file}:${line.number}: the line is longer than 64 MiB`);
    } else {
      const message = `${file}:${line.number}: the line is not valid UTF-8`;
      throw new StepFailure(line.reason, message, 'Save the file as UTF-8.');
    }
  }
}

/**
 * The lines of UTF-8 in pieces; `\n` and `\r\n` end a line, a byte order mark is dropped. What is odd about a line is
 * said in its place, and reading goes on behind it.
 * @param longest bytes of the longest line that is kept
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line | OddLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  let end = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const finish = (piece: Buffer): Line | OddLine => {
    number++;
    const tooLong = pendingBytes + piece.length > longest;
    const bytes = tooLong ? Buffer.alloc(0) : pending.length > 0 ? Buffer.concat([...pending, piece]) : piece;
    pending = [];
    pendingBytes = 0;
    if (tooLong) return { number, end, reason: 'line-too-long', bytes };
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      return { number, end, reason: 'not-utf8', bytes: Buffer.from(bytes) };
    }
    if (number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    return { number, text: text.endsWith('\r') ? text.slice(0, -1) : text, end };
  };
  // A line feed never occurs inside a UTF-8 sequence, so bytes can be split before they are decoded.
  for await (const chunk of chunks) {
    let start = 0;
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, stop);
      end += pendingBytes + piece.length + 1;
      yield finish(piece);
      start = stop + 1;
    }
    if (start < chunk.length) {
      pendingBytes += chunk.length - start;
      // Of a line that is too long nothing is kept but how long it is.
      if (pendingBytes > longest) pending = [];
      else pending.push(chunk.subarray(start));
    }
  }
  end += pendingBytes;
  if (pendingBytes > 0) yield finish(Buffer.alloc(0));
}
