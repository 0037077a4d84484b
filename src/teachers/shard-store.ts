import { createHash, randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HexList, RowIds } from '../data/logits/ids.js';
import { type About, missing, signalOf } from '../data/logits/index-file.js';
import { ShardFile } from '../data/logits/shard-file.js';
import { StepFailure } from '../util/failure.js';
import { hashFile } from '../util/hash-file.js';
import type { Json } from '../util/json.js';

const SUFFIX = '.safetensors';
const NAME = /^[0-9a-f]{64}\.safetensors$/;

/** A shard, by its hash. */
export interface Kept {
  readonly sha256: string;
  readonly rows: number;
}

/** Where texts' signals are. */
export interface Found {
  /** Of each text, a place in `shards`, -1 if it is in none; and its row there. */
  readonly shard: Int32Array;
  readonly row: Int32Array;
  /** Of a language model's texts, the mass of what is kept. */
  readonly covered: Float32Array;
  readonly shards: readonly Kept[];
  /** Hashes of shards that were damaged, and are gone. */
  readonly damaged: readonly string[];
}

/** Texts to look for: their ids, and the hashes of their tokens if they have some. */
export interface Sought {
  readonly ids: RowIds;
  readonly hashes: HexList;
}

/**
 * The shards of one teacher and one way to capture it, which outlive the artifacts that share them:
 *
 *     <hash of both>/about.json                of what these shards are, for people
 *     <hash of both>/<SHA-256>.safetensors     a shard, by its content
 *
 * That is all: a shard holds the ids of its rows, so there is no index that could be behind or be written by two at once.
 * A shard is linked into place when it is whole, and never changed. Two processes that make the same one make one file;
 * rows that two shards have cost only their bytes. Whatever is not what its name says is thrown away.
 */
export class ShardStore {
  private constructor(
    private readonly folder: string,
    private readonly about: About,
  ) {}

  /** @param key all that the numbers depend on, `about` aside: versions, seeds */
  static async open(shared: string, about: About, key: Json): Promise<ShardStore> {
    const text = `${JSON.stringify({ ...about, key }, null, 2)}\n`;
    const folder = join(shared, createHash('sha256').update(text).digest('hex').slice(0, 32));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'about.json'), text);
    return new ShardStore(folder, about);
  }

  path(sha256: string): string {
    return join(this.folder, sha256 + SUFFIX);
  }

  /**
   * Looks for texts. Of a shard that has some every byte is checked; one that is damaged is removed.
   * @param first hashes of shards that are taken before others that have the same texts
   */
  async find(sought: Sought, first: readonly string[]): Promise<Found> {
    const whole = new Set<string>();
    const damaged: string[] = [];
    for (;;) {
      const found = await this.look(sought, first);
      const bad = [...found.damaged];
      for (const { sha256 } of found.shards) {
        if (whole.has(sha256)) continue;
        if ((await hashFile(this.path(sha256)).catch(missing))?.sha256 === sha256) whole.add(sha256);
        else bad.push(sha256);
      }
      if (bad.length === 0) return { ...found, damaged };
      // Where one goes, another may have its texts.
      for (const sha256 of bad) await rm(this.path(sha256), { force: true });
      damaged.push(...bad);
    }
  }

  /** Adds a shard that is whole. Its file may become part of the store, and must not be changed afterwards. */
  async add(file: string, sha256: string): Promise<void> {
    const place = this.path(sha256);
    for (;;) {
      try {
        return await link(file, place);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') break;
      }
      if ((await hashFile(place).catch(missing))?.sha256 === sha256) return;
      await rm(place, { force: true });
    }
    // The file system has no links.
    const copy = `${place}.${randomUUID()}`;
    await copyFile(file, copy);
    await rename(copy, place);
  }

  /** One look at all shards; nothing but their headers and the ids of their rows is read. */
  private async look({ ids, hashes }: Sought, first: readonly string[]): Promise<Found> {
    const there = (await readdir(this.folder)).filter((name) => NAME.test(name)).map((name) => name.slice(0, 64));
    const found = {
      shard: new Int32Array(ids.length).fill(-1),
      row: new Int32Array(ids.length),
      covered: new Float32Array(ids.length),
    };
    const shards: Kept[] = [];
    const damaged: string[] = [];
    for (const sha256 of new Set([...first.filter((name) => there.includes(name)), ...there.sort()])) {
      const rows = this.rowsOf(sha256);
      if (rows === undefined) {
        damaged.push(sha256);
        continue;
      }
      let used = false;
      rows.forEach(({ id, hash, covered }, row) => {
        const i = ids.find(id);
        if (i < 0 || (found.shard[i] as number) >= 0 || (hash !== undefined && hashes.at(i) !== hash)) return;
        used = true;
        found.shard[i] = shards.length;
        found.row[i] = row;
        found.covered[i] = covered;
      });
      if (used) shards.push({ sha256, rows: rows.length });
    }
    return { ...found, shards, damaged };
  }

  /** What a shard says of its rows; undefined if it is no shard of this store, or gone. */
  private rowsOf(sha256: string) {
    const signal = signalOf(this.about);
    let file: ShardFile | undefined;
    try {
      file = ShardFile.open(this.path(sha256), signal);
      const ids = Buffer.from(file.readAll('id').buffer);
      const hashes = signal.aligned ? Buffer.from(file.readAll('hash').buffer) : undefined;
      const covered = signal.tokens === null ? undefined : file.readAll('covered');
      const hex = (all: Buffer, row: number): string => all.toString('hex', 8 * row, 8 * row + 8);
      return Array.from({ length: file.rows }, (_, row) => ({
        id: hex(ids, row),
        hash: hashes && hex(hashes, row),
        covered: covered?.[row] ?? 1,
      }));
    } catch (error) {
      if (error instanceof StepFailure) return undefined;
      return missing(error as NodeJS.ErrnoException);
    } finally {
      file?.close();
    }
  }
}

/** One file in two places: nobody changes it. A copy only where the file system has no links. */
export async function share(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}
