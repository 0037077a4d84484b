/** One message of an mbox file. */
export interface MboxMessage {
  /** The line of its "From " line, 1-based. */
  readonly line: number;
  /** Its bytes without that line; undefined where they are more than was allowed. */
  readonly bytes: Buffer | undefined;
}

/**
 * The messages of an mbox file (RFC 4155, read as mboxrd): a line that begins with "From " begins one, at the file's
 * start or after a blank line; ">From " and the like lose a ">". Read as a stream, and without knowing characters.
 * @param chunks the file's bytes
 * @param longest bytes of the longest message that is kept
 */
export async function* readMbox(chunks: AsyncIterable<Buffer>, longest: number): AsyncGenerator<MboxMessage> {
  let lines: Buffer[] = [];
  let bytes = 0;
  let began = 0;
  let number = 0;
  let blank = true;
  for await (const line of linesOf(chunks)) {
    number++;
    if (blank && startsWith(line, 'From ')) {
      if (began > 0) yield { line: began, bytes: bytes > longest ? undefined : Buffer.concat(lines) };
      [lines, bytes, began] = [[], 0, number];
    } else {
      bytes += line.length;
      if (bytes > longest) lines = [];
      else lines.push(/^>+From /.test(line.subarray(0, 16).toString('latin1')) ? line.subarray(1) : line);
    }
    blank = line.length <= 2 && line.toString('latin1').trim() === '';
  }
  if (began > 0) yield { line: began, bytes: bytes > longest ? undefined : Buffer.concat(lines) };
}

const startsWith = (line: Buffer, text: string): boolean => line.subarray(0, text.length).toString('latin1') === text;

/** Lines with their ends. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, stop + 1);
      yield pending.length > 0 ? Buffer.concat([...pending, piece]) : piece;
      pending = [];
      start = stop + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
}
