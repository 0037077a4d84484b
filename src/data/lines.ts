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

const LONGEST_LINE = 64 * 2 ** 20;

/**
 * The lines of a UTF-8 file, read as a stream; `\n` and `\r\n` end a line, a byte order mark is dropped.
 * @throws StepFailure `not-utf8` or `line-too-long` (over 64 MiB), naming file:line
 */
export async function* readLines(file: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  let end = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const decode = (bytes: Buffer): Line => {
    number++;
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw new StepFailure('not-utf8', `${file}:${number}: the line is not valid UTF-8`, 'Save the file as UTF-8.');
    }
    if (number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    return { number, text: text.endsWith('\r') ? text.slice(0, -1) : text, end };
  };
  // A line feed never occurs inside a UTF-8 sequence, so bytes can be split before they are decoded.
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, stop);
      end += pendingBytes + piece.length + 1;
      yield decode(pending.length > 0 ? Buffer.concat([...pending, piece]) : piece);
      pending = [];
      pendingBytes = 0;
      start = stop + 1;
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > LONGEST_LINE) {
        throw new StepFailure('line-too-long', `${file}:${number + 1}: the line is longer than 64 MiB`);
      }
    }
  }
  end += pendingBytes;
  if (pendingBytes > 0) yield decode(Buffer.concat(pending));
}
