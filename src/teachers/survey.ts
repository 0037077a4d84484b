import { type Row, readDatasetInfo, streamRows } from '../data/dataset.js';
import { HexList, RowIds } from '../data/logits/ids.js';
import { tokensHash } from '../data/logits/signal.js';
import type { EncodedBatch } from '../data/tokenizer.js';
import { chunks } from '../util/chunks.js';
import type { Outlook, Teacher, Text } from './teacher.js';

/** Texts that are read and made tokens of at a time. */
const CHUNK = 256;
/** Texts that a teacher may look at before it begins. */
const SAMPLE = 16;

/** Every different text of a dataset in a few bytes, in the order of the data. */
export interface Survey extends Outlook {
  readonly ids: RowIds;
  /** Of the tokens; empty where the teacher reads none. */
  readonly hashes: HexList;
}

/**
 * Reads a dataset once.
 * @param progress called now and then with the number of rows that are read
 */
export async function surveyTexts(
  folder: string,
  encode: Teacher['encode'],
  progress: (rows: number, total: number) => Promise<void>,
): Promise<Survey> {
  const { rows } = await readDatasetInfo(folder);
  const [ids, hashes] = [new RowIds(), new HexList()];
  const tokens = new Int32Array(rows);
  const sample: Int32Array[] = [];
  let read = 0;
  for await (const chunk of chunks(streamRows(folder), CHUNK)) {
    const fresh = chunk.filter(({ id }) => ids.add(id));
    const first = ids.length - fresh.length;
    const encoded = await encode?.(fresh);
    for (let i = 0; encoded && i < fresh.length; i++) {
      tokens[first + i] = encoded.length(i);
      hashes.push(tokensHash(encoded.ids(i)));
      if (sample.length < SAMPLE) sample.push(encoded.ids(i));
    }
    read += chunk.length;
    await progress(read, rows);
  }
  return { ids, hashes, tokens: tokens.subarray(0, ids.length), sample };
}

/**
 * Reads some of a dataset's texts again, in its order.
 * @param wanted of a text's number in the survey
 * @yields the number of a text, and the text with its tokens
 */
export async function* readTexts(
  folder: string,
  { ids }: Survey,
  encode: Teacher['encode'],
  wanted: (number: number) => boolean,
): AsyncGenerator<{ readonly number: number; readonly text: Text }> {
  let next = 0;
  for await (const chunk of chunks(streamRows(folder), CHUNK)) {
    const found: { number: number; row: Row }[] = [];
    for (const row of chunk) {
      // A text that comes again was read already.
      if (ids.find(row.id) !== next) continue;
      if (wanted(next)) found.push({ number: next, row });
      next++;
    }
    const encoded: EncodedBatch | undefined = await encode?.(found.map(({ row }) => row));
    for (const [i, { number, row }] of found.entries()) {
      const tokens = encoded?.ids(i) ?? new Int32Array(0);
      const { id, text, fields } = row;
      yield { number, text: { id, text, fields, tokens, second: encoded?.second(i) } };
    }
  }
}
