import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { StepFailure } from '../../util/failure.js';
import { MOST_TIMES, UNPACKED_FREELY } from './limits.js';

/** The files of a ZIP archive, which are unpacked one by one as they are read. Hidden files and links are left out. */
export class ZipArchive {
  private constructor(
    readonly path: string,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** @throws StepFailure `bad-zip`, `zip-bomb` */
  static async open(path: string): Promise<ZipArchive> {
    // Its central directory is read; no name in it is ever one of a file that is written.
    const zip = await openPromise(path, { autoClose: false }).catch((error: Error) => {
      throw damaged(path, error);
    });
    try {
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        const { fileName: name } = entry;
        if (name.endsWith('/') || isHidden(name) || isLink(entry)) continue;
        if (entries.has(name)) throw damaged(path, new Error(`two files in it are called "${name}"`));
        entries.set(name, entry);
      }
      refuseBomb(path, [...entries.values()], (await stat(path)).size);
      return new ZipArchive(path, zip, entries);
    } catch (error) {
      zip.close();
      throw error instanceof StepFailure ? error : damaged(path, error as Error);
    }
  }

  /** Names of the files, with `/` between those of folders. */
  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Bytes of a file once it is unpacked. */
  size(name: string): number {
    return this.entry(name).uncompressedSize;
  }

  /**
   * The bytes of a file.
   * @throws StepFailure `bad-zip`, while it is read too
   */
  async *read(name: string): AsyncGenerator<Buffer> {
    const entry = this.entry(name);
    const what = `${this.path}: "${name}" in it`;
    if (entry.isEncrypted()) {
      const hint = 'Unpack it yourself: a recipe has no place for its password.';
      throw new StepFailure('bad-zip', `${what} is encrypted`, hint, '/source');
    }
    if (!entry.canDecodeFileData()) {
      const message = `${what} is packed by method ${entry.compressionMethod}, and only deflate (8) is read`;
      throw new StepFailure('bad-zip', message, 'Unpack it yourself.', '/source');
    }
    let sum = 0;
    try {
      // It ends with an error after more bytes than the directory says.
      for await (const chunk of (await this.zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
        sum = crc32(chunk, sum);
        yield chunk;
      }
    } catch (error) {
      throw damaged(join(this.path, name), error as Error);
    }
    if (sum !== entry.crc32) throw damaged(join(this.path, name), new Error('its checksum is another'));
  }

  close(): void {
    this.zip.close();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`${this.path} has no file "${name}"`);
    return entry;
  }
}

/** What macOS and others put beside files. */
const isHidden = (name: string): boolean => name.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');

const LINK = 0o12;
/** As Unix has it, in the upper half of the attributes. */
const isLink = ({ externalFileAttributes: attributes }: Entry): boolean => attributes >>> 28 === LINK;

/** Sizes are what the archive says; what is unpacked is held to them. Together, as several may share their bytes. */
function refuseBomb(path: string, entries: readonly Entry[], packed: number): void {
  const all = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  const parts = entries.map(({ uncompressedSize: size, compressedSize: from }) => ({ size, from }));
  const bomb = [...parts, { size: all, from: packed }].find(
    ({ size, from }) => size > UNPACKED_FREELY && size > MOST_TIMES * from,
  );
  if (bomb === undefined) return;
  throw new StepFailure(
    'zip-bomb',
    `${path}: it unpacks to ${Math.round(bomb.size / 2 ** 20)} MiB, more than ${MOST_TIMES} times its size, as no text does`,
    'Unpack it yourself if it is no zip bomb.',
    '/source',
  );
}

const damaged = (path: string, { message }: Error): StepFailure =>
  new StepFailure('bad-zip', `${path}: cannot be unpacked: ${message}`, 'Fetch or pack it again.', '/source');

/** Files that a message names. */
const SHOWN = 8;

/**
 * The one file of an archive.
 * @throws StepFailure `bad-zip` if there are none or several
 */
export function onlyName({ path, names }: ZipArchive): string {
  const [only, second] = names;
  if (only !== undefined && second === undefined) return only;
  if (only === undefined) throw new StepFailure('bad-zip', `${path}: there is no file in it`, undefined, '/source');
  const shown = names.slice(0, SHOWN).map((name) => `"${name}"`);
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  throw new StepFailure(
    'bad-zip',
    `${path}: there are ${names.length} files in it, and one is read: ${shown.join(', ')}${more}`,
    'Unpack it, and name the file that is meant.',
    '/source',
  );
}
