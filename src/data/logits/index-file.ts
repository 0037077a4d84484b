import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DAMAGED_INPUT, StepFailure } from '../../util/failure.js';
import type { Signal, TokenSignal, ValueSignal } from './signal.js';

/** Raised whenever the form of an artifact of kind `logits` changes. */
export const FORMAT = 2;

/** `index.json`: what an artifact of kind `logits` holds. Its last key, `sha256`, is the hash of all before it. */
export interface LogitsIndex {
  readonly format: typeof FORMAT;
  readonly teacher: {
    /** What kind of teacher: `bert`, `logistic`, `gpt-4o`. */
    readonly name: string;
    /** Of which nothing can change without this changing: the digest of a model's artifact. */
    readonly revision: string;
    /** 0 where it has none to look at. */
    readonly layers: number;
    readonly hidden: number;
    readonly heads: number;
    /** Of one that compares the vectors of two texts: its second class logit is scale · cosine + bias, its first 0. */
    readonly similarity?: { readonly scale: number; readonly bias: number };
  };
  /** Order of the class logits; none are kept if it is empty. */
  readonly labels: readonly string[];
  /**
   * What the class logits say; absent: which one of the labels a text has. tagging: which one each token has.
   * multi-label: of each label whether a text has it. regression: a score.
   */
  readonly task?: 'tagging' | 'multi-label' | 'regression';
  /** SHA-256 of the teacher's tokenizer.json, and its longest input: both say how a text became tokens. Null: it reads none. */
  readonly tokenizer: string | null;
  readonly maxLength: number | null;
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
  /** Absent where no values are kept. */
  readonly values?: ValueSignal;
  /** Of a teacher that compares vectors: numbers of the vector of each text of a pair. Absent where none are kept. */
  readonly vectors?: number;
  readonly dtype: 'float16' | 'float32';
  readonly tokens: TokenSignal | null;
  /** How it was computed; null where it was asked for. */
  readonly computed: { readonly backend: string; readonly precision: string } | null;
  /** Different texts. */
  readonly rows: number;
  /** Of a language model, the mass of what is kept of each next token: the mean over all tokens, and the least of a row's. */
  readonly covered: { readonly mean: number; readonly least: number } | null;
  /** SHA-256 of `rows.jsonl`. */
  readonly rowsSha256: string;
  readonly shards: readonly ShardEntry[];
}

export interface ShardEntry {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Rows in the file: an artifact may use fewer. */
  readonly rows: number;
}

/** One line of `rows.jsonl`; the lines are in the order of the data. */
export interface LogitsRow {
  /** The text's content hash. */
  readonly id: string;
  /** `tokensHash` of the token ids that the teacher saw, and how many they are; absent where it reads none. */
  readonly hash?: string;
  readonly tokens?: number;
  /** Which of `shards`, and which of its rows. */
  readonly shard: number;
  readonly row: number;
  /** Of a language model: the mean mass of what is kept of the next tokens. */
  readonly covered?: number;
}

/** What is known before there are rows. */
export type About = Omit<LogitsIndex, 'format' | 'rows' | 'covered' | 'rowsSha256' | 'shards'>;

export const ROWS = 'rows.jsonl';
const INDEX = 'index.json';

export const shardName = (shard: number): string => `shard-${String(shard).padStart(5, '0')}.safetensors`;

/** What the shards of an artifact are made of. */
export const signalOf = (about: About): Signal => ({
  labels: about.labels.length,
  ...(about.task === 'tagging' && { perToken: true }),
  hidden: about.teacher.hidden,
  heads: about.teacher.heads,
  hiddenStates: about.hiddenStates,
  attention: about.attention,
  values: about.values,
  vectors: about.vectors,
  dtype: about.dtype,
  aligned: about.tokenizer !== null,
  tokens: about.tokens,
});

/** Bytes of lines that are written at a time. */
const BLOCK = 1 << 16;

/**
 * Writes `rows.jsonl` and `index.json` beside the shards.
 * @param rows in the order of the data; read once, one at a time
 */
export async function writeIndex(
  folder: string,
  about: About,
  rows: Iterable<LogitsRow>,
  shards: readonly ShardEntry[],
): Promise<LogitsIndex> {
  const hash = createHash('sha256');
  const file = await open(join(folder, ROWS), 'w');
  let [count, lines] = [0, ''];
  const covered = { sum: 0, tokens: 0, least: Number.POSITIVE_INFINITY };
  try {
    const flush = async (): Promise<void> => {
      hash.update(lines);
      await file.writeFile(lines);
      lines = '';
    };
    for (const row of rows) {
      lines += `${JSON.stringify(row)}\n`;
      if (lines.length >= BLOCK) await flush();
      count++;
      if (row.covered === undefined || !row.tokens) continue;
      covered.sum += row.covered * row.tokens;
      covered.tokens += row.tokens;
      covered.least = Math.min(covered.least, row.covered);
    }
    await flush();
  } finally {
    await file.close();
  }
  const index: LogitsIndex = {
    format: FORMAT,
    ...about,
    rows: count,
    covered: covered.tokens === 0 ? null : { mean: covered.sum / covered.tokens, least: covered.least },
    rowsSha256: hash.digest('hex'),
    // Always in this order: the same cache is to be the same bytes.
    shards: shards.map(({ file, bytes, sha256, rows }) => ({ file, bytes, sha256, rows })),
  };
  await writeFile(join(folder, INDEX), textOf(index));
  return index;
}

/** The same index always makes the same text, and any other text is none. */
function textOf(index: LogitsIndex): string {
  const sha256 = createHash('sha256').update(JSON.stringify(index)).digest('hex');
  return `${JSON.stringify({ ...index, sha256 }, null, 2)}\n`;
}

/** @throws StepFailure `damaged-input` if it is not byte for byte what was written */
export async function readIndex(folder: string): Promise<LogitsIndex> {
  const text = await readFile(join(folder, INDEX), 'utf8').catch(missing);
  try {
    const { sha256: _, ...index } = JSON.parse(text ?? '') as LogitsIndex & { sha256: string };
    if (textOf(index) === text) return index;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(INDEX);
}

/** What a reader says of a file of the teacher's logits whose bytes are not what was written. */
export const damaged = (file: string): StepFailure =>
  new StepFailure(
    DAMAGED_INPUT,
    `${file} of the teacher's logits is damaged: its bytes are not those that were written`,
    'Run the recipe again: it makes the logits anew, computing only what is damaged.',
  );

/** A file that is gone is as bad as a damaged one. */
export function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
