import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StepFailure } from '../../util/failure.js';
import { MOST_TIMES, UNPACKED_FREELY } from './limits.js';
import { onlyName, ZipArchive } from './zip.js';

/** A file's bytes, unpacked if it is packed. */
export interface Unpacked {
  /** For messages; of the one file of a ZIP archive it is below the archive's. */
  readonly path: string;
  /** Its name without folders. */
  readonly name: string;
  /** KiB. */
  readonly size: number;
  /** KiB of these that were read. */
  done(): number;
  /** To be read once. */
  readonly chunks: AsyncIterable<Buffer>;
}

/**
 * Opens a file: gzip is unpacked, and the one file of a ZIP archive.
 * @throws StepFailure `no-file`, `not-text` of a file that is packed otherwise, or Parquet; `bad-zip`; while it is read
 * `not-text`, `bad-zip`, `zip-bomb`
 */
export async function openBytes(path: string): Promise<Unpacked> {
  const { head, size } = await look(path);
  const form = formOf(head);
  if (form === 'zip') return openZipped(path);
  if (form !== 'gzip' && form !== undefined) throw new StepFailure('not-text', `${path}: ${form.is}`, form.hint);
  let read = 0;
  const raw = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      yield chunk;
    }
  };
  return {
    path,
    name: basename(path),
    size: Math.ceil(size / 1024),
    done: () => Math.floor(read / 1024),
    chunks: form === undefined ? raw() : unpack(path, raw(), () => read),
  };
}

/** Whether a file is a ZIP archive, by its first bytes. */
export const isZip = async (path: string): Promise<boolean> => formOf((await look(path)).head) === 'zip';

async function openZipped(path: string): Promise<Unpacked> {
  const zip = await ZipArchive.open(path);
  try {
    const name = onlyName(zip);
    return unpackedFrom(zip, name, () => zip.close());
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** A file of an archive. @param done called when it was read, or is read no further */
export function unpackedFrom(zip: ZipArchive, name: string, done: () => void = () => {}): Unpacked {
  let read = 0;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of zip.read(name)) {
        read += chunk.length;
        yield chunk;
      }
    } finally {
      done();
    }
  };
  return {
    path: join(zip.path, name),
    name: basename(name),
    size: Math.ceil(zip.size(name) / 1024),
    done: () => Math.floor(read / 1024),
    chunks: chunks(),
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

/** What a file's first bytes say it is, if it is no text as it stands. An archive without files has no local header. */
function formOf(head: Buffer): 'gzip' | 'zip' | { readonly is: string; readonly hint: string } | undefined {
  const starts = head.toString('latin1');
  if (starts.startsWith('\x1f\x8b')) return 'gzip';
  if (starts.startsWith('PK\x03\x04') || starts.startsWith('PK\x05\x06')) return 'zip';
  if (starts.startsWith('PAR1')) return { is: 'it is a Parquet file', hint: 'Its source has type: parquet.' };
  if (starts.startsWith('\x28\xb5\x2f\xfd')) return { is: 'it is packed with zstd', hint: 'Unpack it first.' };
  return undefined;
}

async function* unpack(path: string, packed: AsyncIterable<Buffer>, read: () => number): AsyncGenerator<Buffer> {
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
