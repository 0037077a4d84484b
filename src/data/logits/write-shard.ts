import { type StoredTensor, writeTensors } from '../../util/safetensors.js';
import { type About, type ShardEntry, signalOf } from './index-file.js';
import { sectionsOf } from './signal.js';

/** What is kept of one text, by the name of each section: arrays of its type, float16 as bits. */
export type RowParts = Readonly<Record<string, ArrayBufferView & { readonly length: number }>>;

/** Writes a shard; the same rows make the same bytes. */
export async function writeShard(
  file: string,
  about: About,
  rows: readonly RowParts[],
): Promise<Omit<ShardEntry, 'file'>> {
  const tensors: Record<string, StoredTensor> = {};
  for (const { name, dtype, width, rank } of sectionsOf(signalOf(about))) {
    const parts = rows.map((row) => partOf(row, name));
    const numbers = parts.reduce((sum, { length }) => sum + length, 0);
    tensors[name] = { dtype, shape: rank === 2 ? [numbers / width, width] : [numbers], parts };
  }
  const { teacher, tokenizer, tokens } = about;
  const said = {
    format: 'recipe-logits',
    teacher: `${teacher.name} ${teacher.revision}`,
    ...(tokenizer !== null && { tokenizer }),
    ...(tokens !== null && { tokens: JSON.stringify(tokens) }),
  };
  return { ...(await writeTensors(file, tensors, said)), rows: rows.length };
}

function partOf(row: RowParts, name: string): RowParts[string] {
  const part = row[name];
  if (part === undefined) throw new Error(`a row has no "${name}"`);
  return part;
}
