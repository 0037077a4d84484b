import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { float32Of } from '../util/float16.js';
import { hashFile } from '../util/hash-file.js';
import { readLines } from './lines.js';
import { HexList, RowIds } from './logits/ids.js';
import { damaged, type LogitsIndex, type LogitsRow, missing, ROWS, readIndex, signalOf } from './logits/index-file.js';
import { type NextTokens, nextTokensOf } from './logits/next-tokens.js';
import { type Numbers, ShardFile } from './logits/shard-file.js';
import { attentionName, hiddenName, type Signal, type TokenSignal, tokensHash, valuesName } from './logits/signal.js';

export { type ClassLogits, writeClassLogits } from './logits/class-logits.js';
export type { LogitsIndex, LogitsRow } from './logits/index-file.js';
export type { NextTokens } from './logits/next-tokens.js';
export { cacheBytes, rowBytes, type Signal, type TokenSignal, tokensHash, valuesWidth } from './logits/signal.js';

/** What to read of a row. */
export interface Wanted {
  readonly logits: boolean;
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
  /** None if it is left out. */
  readonly values?: readonly number[];
  /** Of a pair, the vectors of its texts. */
  readonly vectors?: boolean;
}

/** One text's signal, unpadded: float32, or the bits of float16 if that is the cache's type. */
export interface RowSignal {
  /** [labels], in the order of the cache's own; of a tagger [tokens, labels]. */
  readonly logits: Float32Array | Uint16Array | undefined;
  /** By layer, [tokens, hidden]. */
  readonly hiddenStates: ReadonlyMap<number, Float32Array | Uint16Array>;
  /** By layer, [heads, tokens, tokens]. */
  readonly attention: ReadonlyMap<number, Float32Array | Uint16Array>;
  /** By layer, [tokens, heads · width]. */
  readonly values: ReadonlyMap<number, Float32Array | Uint16Array>;
}

/** Shards that are open at a time. */
const OPEN = 256;

/**
 * Reads an artifact of kind `logits`, what a teacher said of each text, at random (docs/logits.md describes it). In
 * memory is an index of some 50 bytes a row; of a row only what is wanted is read from disk.
 */
export class LogitsCache {
  private readonly signal: Signal;
  private readonly shards: (ShardFile | undefined)[] = [];
  /** Open ones, the longest unused first. */
  private readonly recent = new Set<number>();

  private constructor(
    readonly index: LogitsIndex,
    private readonly folder: string,
    private readonly rows: {
      readonly ids: RowIds;
      readonly hashes: HexList;
      readonly tokens: Int32Array;
      readonly shard: Int32Array;
      readonly row: Int32Array;
    },
  ) {
    this.signal = signalOf(index);
  }

  /**
   * Reads all of it once to see that every byte is what was written.
   * @param folder an artifact of kind `logits`
   * @param signal ends the reading
   * @throws StepFailure `damaged-input`, naming the file, if one is not
   */
  static async open(folder: string, signal?: AbortSignal): Promise<LogitsCache> {
    const index = await readIndex(folder);
    const files = [{ file: ROWS, sha256: index.rowsSha256 }, ...index.shards];
    for (const { file, sha256 } of files) {
      if ((await hashFile(join(folder, file)).catch(missing))?.sha256 !== sha256) throw damaged(file);
      signal?.throwIfAborted();
    }
    const rows = {
      ids: new RowIds(),
      hashes: new HexList(),
      tokens: new Int32Array(index.rows),
      shard: new Int32Array(index.rows),
      row: new Int32Array(index.rows),
    };
    for await (const { text } of readLines(join(folder, ROWS))) {
      const { id, hash, tokens, shard, row } = JSON.parse(text) as LogitsRow;
      const i = rows.ids.length;
      rows.ids.add(id);
      if (hash !== undefined) rows.hashes.push(hash);
      rows.tokens[i] = tokens ?? 0;
      rows.shard[i] = shard;
      rows.row[i] = row;
    }
    return new LogitsCache(index, folder, rows);
  }

  has(id: string): boolean {
    return this.rows.ids.find(id) >= 0;
  }

  /** Ids of all texts, in the order of the data. */
  *ids(): Generator<string> {
    for (let i = 0; i < this.rows.ids.length; i++) yield this.rows.ids.at(i);
  }

  /**
   * @param ids the student's token ids of the same text; of no account where the teacher read none
   * @throws StepFailure if the text is not in the cache, or the teacher saw other tokens
   */
  read(id: string, ids: Int32Array, wanted: Wanted): RowSignal {
    const read = this.reader(this.aligned(id, ids));
    const layers = (want: readonly number[], name: (layer: number) => string) =>
      new Map(want.map((layer) => [layer, read(name(layer)) as Float32Array | Uint16Array]));
    return {
      logits: wanted.logits ? (read('logits') as Float32Array | Uint16Array) : undefined,
      hiddenStates: layers(wanted.hiddenStates, hiddenName),
      attention: layers(wanted.attention, attentionName),
      values: layers(wanted.values ?? [], valuesName),
    };
  }

  /**
   * A text's class logits [labels], in the order of the cache's own labels. They are of the text and not of its tokens:
   * any tokenizer's will do.
   * @throws StepFailure if the text is not in the cache, or the teacher does not tell which one of the labels a text has
   */
  classLogits(id: string): Float32Array {
    if (this.index.task !== undefined) {
      const message = `the teacher's logits are those of a model for task "${this.index.task}", not of a classifier`;
      throw new StepFailure('task', message, 'Take a teacher that was trained for task: classification.');
    }
    const logits = this.reader(this.find(id))('logits');
    return logits instanceof Uint16Array ? float32Of(logits) : (logits as Float32Array);
  }

  /**
   * The vectors of a pair's two texts, one after the other: [2 · width]. They are of the texts and not of their tokens.
   * @throws StepFailure if the pair is not in the cache. Throws (a bug) if none are kept
   */
  pairVectors(id: string): Float32Array {
    const vectors = this.reader(this.find(id))('vectors');
    return vectors instanceof Uint16Array ? float32Of(vectors) : (vectors as Float32Array);
  }

  /**
   * What a language model says of each of a text's tokens, as typed arrays that `NextTokens` describes: dense (`full`)
   * or sparse (`top-k`, `sampled`), as the cache has it.
   *
   * @param ids the student's token ids of the same text
   * @param temperature of the distributions: 1, or that at which they were captured; of `full` any
   * @throws StepFailure if the text is not in the cache, the teacher saw other tokens, or the cache does not have that
   *   temperature. Throws (a bug) if it is of no language model
   */
  nextTokens(id: string, ids: Int32Array, temperature: number): NextTokens {
    const tokens = this.index.tokens as TokenSignal;
    return nextTokensOf(tokens, this.reader(this.aligned(id, ids)), temperature);
  }

  close(): void {
    for (const shard of this.recent) this.shards[shard]?.close();
    this.recent.clear();
  }

  private find(id: string): number {
    const i = this.rows.ids.find(id);
    if (i >= 0) return i;
    throw new StepFailure(
      'not-cached',
      `the teacher's logits have no row for text ${id}`,
      'Run cache-logits over the same data that the student trains on.',
    );
  }

  private aligned(id: string, ids: Int32Array): number {
    const i = this.find(id);
    const { tokens, hashes } = this.rows;
    if (this.signal.aligned && (tokens[i] !== ids.length || hashes.at(i) !== tokensHash(ids))) {
      throw new StepFailure(
        'misaligned',
        `the teacher saw other tokens of text ${id} than the student does`,
        'Teacher and student must share the tokenizer and max_length.',
      );
    }
    return i;
  }

  private reader(i: number): (section: string) => Numbers {
    const shard = this.rows.shard[i] as number;
    const row = this.rows.row[i] as number;
    const file = this.shardFile(shard);
    return (section) => file.read(section, row);
  }

  private shardFile(shard: number): ShardFile {
    let file = this.shards[shard];
    if (file === undefined) {
      file = ShardFile.open(join(this.folder, this.index.shards[shard]?.file as string), this.signal);
      this.shards[shard] = file;
    }
    this.recent.delete(shard);
    this.recent.add(shard);
    const [oldest] = this.recent;
    if (this.recent.size > OPEN && oldest !== undefined) {
      this.shards[oldest]?.close();
      this.recent.delete(oldest);
    }
    return file;
  }
}
