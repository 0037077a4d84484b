import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { analyse } from 'chardet';
import { StepFailure } from '../../util/failure.js';
import { type Line, type OddLine, splitLines } from '../lines.js';
import { type BadItem, badItem, badRow } from './source.js';

/** Bytes of the longest line, or record, that can be a row. */
export const LONGEST_ROW = 8 * 2 ** 20;
/** A packed file may unpack to this many bytes, and beyond them to so many times its size. */
const UNPACKED_FREELY = 64 * 2 ** 20;
const MOST_TIMES = 100;

/** A file of text, whatever it is encoded in or packed with, as UTF-8. */
export interface TextFile {
  readonly path: string;
  /** Its name without folders. */
  readonly name: string;
  /** KiB. */
  readonly size: number;
  /** KiB of the file that were read. */
  done(): number;
  /** Its bytes in UTF-8, unless it is none; to be read once. */
  readonly chunks: AsyncIterable<Buffer>;
}

/**
 * Opens a file of text. A byte order mark says UTF-16; `encoding` any other character set; gzip is unpacked.
 * @throws StepFailure `no-file`, `not-text`, `bad-encoding`; while it is read `not-text`, `zip-bomb`
 */
export async function openText(path: string, encoding?: string): Promise<TextFile> {
  const { head, size } = await look(path);
  const form = formOf(head);
  if (form !== undefined && form.unpack !== true) throw new StepFailure('not-text', `${path}: ${form.is}`, form.hint);
  let read = 0;
  const raw = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      yield chunk;
    }
  };
  const bytes = form === undefined ? raw() : unpack(path, raw(), () => read);
  return {
    path,
    name: basename(path),
    size: Math.ceil(size / 1024),
    done: () => Math.floor(read / 1024),
    chunks: toUtf8(path, bytes, encoding),
  };
}

async function look(path: string): Promise<{ head: Buffer; size: number }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return { head: buffer.subarray(0, bytesRead), size };
  } catch (error) {
    throw new StepFailure('no-file', `cannot read ${path}: ${(error as Error).message}`);
  } finally {
    await file?.close();
  }
}

interface Form {
  readonly is: string;
  readonly hint: string;
  readonly unpack?: true;
}

/** What a file's first bytes say it is, if it is no text as it stands. */
function formOf(head: Buffer): Form | undefined {
  const starts = head.toString('latin1');
  if (starts.startsWith('\x1f\x8b')) return { is: 'packed with gzip', hint: '', unpack: true };
  if (starts.startsWith('PK\x03\x04')) return { is: 'it is a ZIP archive', hint: 'Unpack it first.' };
  if (starts.startsWith('PAR1')) return { is: 'it is a Parquet file', hint: 'Its source has type: parquet.' };
  if (starts.startsWith('\x28\xb5\x2f\xfd')) return { is: 'it is packed with zstd', hint: 'Unpack it first.' };
  return undefined;
}

async function* unpack(path: string, packed: AsyncIterable<Buffer>, read: () => number): AsyncGenerator<Buffer> {
  const { Readable } = await import('node:stream');
  const source = Readable.from(packed);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > UNPACKED_FREELY && bytes > MOST_TIMES * read()) {
        throw new StepFailure(
          'zip-bomb',
          `${path}: it unpacks to more than ${MOST_TIMES} times its size, as no text does; stopped after ${bytes >> 20} MiB`,
          'Unpack it yourself if it is no zip bomb.',
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof StepFailure) throw error;
    throw new StepFailure('not-text', `${path}: cannot be unpacked: ${(error as Error).message}`);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

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
export async function* linesOf(file: TextFile): AsyncGenerator<Line | BadItem> {
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
