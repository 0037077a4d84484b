import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { float32Of } from '../util/float16.js';

/**
 * The artifact of kind `logits`: what a teacher said of each text, unpadded, in float16. `index.json` says what is in
 * it; `rows.jsonl` where each text's signal is, by the text's content hash; shards hold, one text after the other:
 * logits [labels], each hidden state [tokens, hidden], each layer's attention scores [heads, tokens, tokens].
 */
export interface LogitsIndex {
  readonly teacher: {
    readonly layers: number;
    readonly hidden: number;
    readonly heads: number;
  };
  /** Order of the logits. */
  readonly labels: readonly string[];
  /** SHA-256 of the teacher's tokenizer.json, and its longest input: both say how a text became tokens. */
  readonly tokenizer: string;
  readonly maxLength: number;
  /** Teacher layers whose hidden states are kept (0 = embedding output), ascending. */
  readonly hiddenStates: readonly number[];
  /** Teacher layers whose attention scores are kept (1 = first), ascending. */
  readonly attention: readonly number[];
  readonly shards: readonly string[];
  readonly rows: number;
}

/** One line of `rows.jsonl`. */
export interface LogitsRow {
  /** The text's content hash. */
  readonly id: string;
  readonly tokens: number;
  /** `tokensHash` of the token ids that the teacher saw: a student's must be the same. */
  readonly hash: string;
  readonly shard: number;
  /** Byte offset in the shard. */
  readonly offset: number;
}

/** First 16 hex digits of the SHA-256 of token ids (int32, little-endian). */
export function tokensHash(ids: Int32Array): string {
  const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** What to read of a row. */
export interface Wanted {
  readonly logits: boolean;
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
}

/** One text's signal: float16 bits, unpadded. */
export interface RowSignal {
  readonly logits: Uint16Array | undefined;
  readonly hiddenStates: ReadonlyMap<number, Uint16Array>;
  readonly attention: ReadonlyMap<number, Uint16Array>;
}

/** Reads a cache at random; only what is wanted of a row is read from disk. */
export class LogitsCache {
  private readonly files: number[] = [];

  private constructor(
    readonly index: LogitsIndex,
    private readonly rows: ReadonlyMap<string, LogitsRow>,
    folder: string,
  ) {
    for (const shard of index.shards) this.files.push(openSync(join(folder, shard), 'r'));
  }

  /** @param folder an artifact of kind `logits` */
  static async open(folder: string): Promise<LogitsCache> {
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as LogitsIndex;
    const lines = (await readFile(join(folder, 'rows.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
    const rows = lines.map((line) => JSON.parse(line) as LogitsRow);
    return new LogitsCache(index, new Map(rows.map((row) => [row.id, row])), folder);
  }

  has(id: string): boolean {
    return this.rows.has(id);
  }

  /**
   * @param ids the student's token ids of the same text
   * @throws StepFailure if the text is not in the cache, or the teacher saw other tokens
   */
  read(id: string, ids: Int32Array, wanted: Wanted): RowSignal {
    const row = this.find(id);
    if (row.tokens !== ids.length || row.hash !== tokensHash(ids)) {
      throw new StepFailure(
        'misaligned',
        `the teacher saw other tokens of text ${id} than the student does`,
        'Teacher and student must share the tokenizer and max_length.',
      );
    }
    const { hidden, heads } = this.index.teacher;
    const file = this.files[row.shard] as number;
    let at = row.offset;
    const section = (count: number, want: boolean): Uint16Array | undefined => {
      const start = at;
      at += 2 * count;
      return want ? readHalf(file, start, count) : undefined;
    };
    const layers = (kept: readonly number[], want: readonly number[], count: number): Map<number, Uint16Array> => {
      const found = new Map<number, Uint16Array>();
      for (const layer of kept) {
        const data = section(count, want.includes(layer));
        if (data) found.set(layer, data);
      }
      return found;
    };
    const logits = section(this.index.labels.length, wanted.logits);
    const hiddenStates = layers(this.index.hiddenStates, wanted.hiddenStates, row.tokens * hidden);
    const attention = layers(this.index.attention, wanted.attention, heads * row.tokens * row.tokens);
    return { logits, hiddenStates, attention };
  }

  /**
   * A text's class logits [labels], in the order of the cache's own labels. They are of the text and not of its tokens:
   * any tokenizer's will do.
   * @throws StepFailure if the text is not in the cache
   */
  classLogits(id: string): Float32Array {
    const { shard, offset } = this.find(id);
    return float32Of(readHalf(this.files[shard] as number, offset, this.index.labels.length));
  }

  private find(id: string): LogitsRow {
    const row = this.rows.get(id);
    if (row) return row;
    throw new StepFailure(
      'not-cached',
      `the teacher's logits have no row for text ${id}`,
      'Run cache-logits over the same data that the student trains on.',
    );
  }

  close(): void {
    for (const file of this.files.splice(0)) closeSync(file);
  }
}

function readHalf(file: number, position: number, count: number): Uint16Array {
  const data = new Uint16Array(count);
  const bytes = new Uint8Array(data.buffer);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, position + done);
    if (read === 0) throw new StepFailure('corrupt', 'the logits cache ends before its index says it does');
    done += read;
  }
  return data;
}
