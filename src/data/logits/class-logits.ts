import { join } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import { float16Bits } from '../../util/float16.js';
import { RowIds } from './ids.js';
import { type About, type LogitsRow, type ShardEntry, shardName, writeIndex } from './index-file.js';
import { type RowParts, writeShard } from './write-shard.js';

/** Who answered, and in which classes. */
export interface ClassLogits {
  /** In the order of each row's logits. */
  readonly labels: readonly string[];
  readonly teacher: {
    /** What kind of teacher, e.g. the name of its model. */
    readonly name: string;
    /** Changes whenever its answers may: a model's digest, or what names a service and its model. */
    readonly revision: string;
  };
  /** Default: float32; a few numbers a row cost little. */
  readonly dtype?: 'float16' | 'float32';
}

/** Rows of a shard. */
const SHARD = 2 ** 16;
/** The largest number of float16; beyond it a softmax knows only 0 and 1. */
const LARGEST = 65_504;

/**
 * Writes an artifact of kind `logits` of a teacher that reads texts and not tokens: an LLM behind a service, several
 * teachers together, any classifier. A student of any tokenizer learns from it. Rows are written as they come; the same
 * rows in the same order make the same bytes.
 *
 * @param folder an empty one, such as an output
 * @param rows each text's id and its logits, or log-probabilities, [labels]. Numbers beyond ±65,504, infinite ones too,
 *   become that. A row whose id came before is left out
 * @throws StepFailure `not-a-number`, naming the row
 */
export async function writeClassLogits(
  folder: string,
  { labels, teacher, dtype = 'float32' }: ClassLogits,
  rows: AsyncIterable<{ readonly id: string; readonly logits: Float32Array }>,
): Promise<void> {
  const about: About = {
    teacher: { name: teacher.name, revision: teacher.revision, layers: 0, hidden: 0, heads: 0 },
    labels,
    tokenizer: null,
    maxLength: null,
    hiddenStates: [],
    attention: [],
    dtype,
    tokens: null,
    computed: null,
  };
  const ids = new RowIds();
  const shards: ShardEntry[] = [];
  let pending: RowParts[] = [];
  const flush = async (): Promise<void> => {
    const file = shardName(shards.length);
    shards.push({ file, ...(await writeShard(join(folder, file), about, pending)) });
    pending = [];
  };
  for await (const { id, logits } of rows) {
    if (!ids.add(id)) continue;
    const finite = checked(id, logits, labels.length);
    pending.push({ id: ids.slice(ids.length - 1), logits: dtype === 'float16' ? float16Bits(finite) : finite });
    if (pending.length === SHARD) await flush();
  }
  if (pending.length > 0) await flush();
  function* lines(): Generator<LogitsRow> {
    for (let i = 0; i < ids.length; i++) yield { id: ids.at(i), shard: Math.floor(i / SHARD), row: i % SHARD };
  }
  await writeIndex(folder, about, lines(), shards);
}

function checked(id: string, logits: Float32Array, labels: number): Float32Array {
  if (logits.length !== labels)
    throw new Error(`row ${id} has ${logits.length} logits, and there are ${labels} labels`);
  if (logits.some(Number.isNaN)) {
    throw new StepFailure('not-a-number', `the teacher's logits of row ${id} hold something that is no number`);
  }
  return logits.map((x) => Math.max(-LARGEST, Math.min(LARGEST, x)));
}
