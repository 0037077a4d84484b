import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { analyse } from 'chardet';
import { StepFailure } from '../../util/failure.js';
import { type Line, type OddLine, splitLines } from '../lines.js';
import { LONGEST_ROW } from './limits.js';
import { openBytes, type Unpacked } from './packed.js';
import { type BadItem, badItem, badRow } from './source.js';

/**
 * Opens a file of text, whatever it is encoded in or packed with: its bytes in UTF-8, unless it is none. A byte order
 * mark says UTF-16; `encoding` any other character set; gzip and the one file of a ZIP archive are unpacked.
 * @throws StepFailure `no-file`, `not-text`, `bad-zip`, `bad-encoding`; while it is read these and `zip-bomb`
 */
export const openText = async (path: string, encoding?: string): Promise<Unpacked> =>
  asText(await openBytes(path), encoding);

/** The same of a file that is open. */
export const asText = (file: Unpacked, encoding?: string): Unpacked => ({
  ...file,
  chunks: toUtf8(file.path, file.chunks, encoding),
});

async function* toUtf8(path: string, bytes: AsyncIterable<Buffer>, encoding?: string): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | undefined;
  let at = 0;
  const decode = (chunk: Buffer | undefined): Buffer => {
    const known = decoder as TextDecoder;
    try {
      return Buffer.from(chunk === undefined ? known.decode() : known.decode(chunk, { stream: true }));
    } catch {
      throw new StepFailure('not-text', `${path}: not valid ${known.encoding} near byte ${at}`);
    }
  };
  for await (const chunk of bytes) {
    if (at === 0) decoder = decoderOf(path, chunk, encoding);
    yield decoder === undefined ? chunk : decode(chunk);
    at += chunk.length;
  }
  if (decoder !== undefined) yield decode(undefined);
}

/** Undefined for UTF-8, whose lines are decoded one by one. */
function decoderOf(path: string, head: Buffer, encoding: string | undefined): TextDecoder | undefined {
  const marked =
    head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : undefined;
  const name = marked ?? encoding;
  if (name === undefined) {
    if (head.includes(0)) {
      const hint = 'Text in UTF-16 needs a byte order mark, or encoding: utf-16le.';
      throw new StepFailure('not-text', `${path}: byte ${head.indexOf(0)} is 0, as in no text`, hint);
    }
    return undefined;
  }
  try {
    const decoder = new TextDecoder(name, { fatal: true });
    return decoder.encoding === 'utf-8' ? undefined : decoder;
  } catch {
    const hint = 'Use a name of the WHATWG Encoding Standard, such as windows-1252.';
    throw new StepFailure('bad-encoding', `no character set is called "${name}"`, hint, '/source/encoding');
  }
}

/** The lines of a file of text, and those that are none as bad rows. */
export async function* linesOf(file: Unpacked): AsyncGenerator<Line | BadItem> {
  for await (const line of splitLines(file.chunks, LONGEST_ROW)) {
    yield 'reason' in line ? badItem(oddLine(file.path, line), file.path, file.name, line.number) : line;
  }
}

function oddLine(path: string, { number, reason, bytes }: OddLine): StepFailure {
  const where = `${path}:${number}`;
  if (reason === 'line-too-long') return badRow(where, `the line is longer than ${LONGEST_ROW >> 20} MiB`);
  return notUtf8(where, bytes);
}

/** Where bytes are no UTF-8, and what they most likely are. */
export function notUtf8(where: string, bytes: Buffer): StepFailure {
  const at = firstOdd(bytes);
  const byte = (bytes[at] as number).toString(16).padStart(2, '0');
  const guess = analyse(bytes)
    .map(({ name }) => name.toLowerCase())
    .find((name) => !name.startsWith('utf') && isEncoding(name));
  const hint = 'Save the file as UTF-8';
  return badRow(
    where,
    `byte ${at + 1} of the line, 0x${byte}, is not valid UTF-8`,
    guess === undefined ? `${hint}.` : `${hint}, or name its character set: it may be encoding: ${guess}.`,
  );
}

function isEncoding(name: string): boolean {
  try {
    return new TextDecoder(name).encoding !== '';
  } catch {
    return false;
  }
}

/** The place of the first byte that cannot stand where it stands. */
function firstOdd(bytes: Buffer): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  // A character that is broken off shows at the byte behind it.
  while (!isUtf8(bytes.subarray(0, good))) good--;
  return good;
}
