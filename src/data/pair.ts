import { StepFailure } from '../util/failure.js';
import type { Row } from './dataset.js';
import type { EncodedBatch, TextTokenizer } from './tokenizer.js';

/** The field that holds the text with which a row's own is compared. */
export const PAIR = 'pair';

/**
 * The text with which a row's own is compared.
 * @throws StepFailure `no-pair` if it has none
 */
export function pairOf({ id, fields }: { readonly id: string; readonly fields?: Row['fields'] | undefined }): string {
  const pair = fields?.[PAIR];
  if (pair !== undefined) return pair;
  const names = Object.keys(fields ?? {}).map((name) => `"${name}"`);
  throw new StepFailure(
    'no-pair',
    `row ${id} has no field "${PAIR}", and two texts are to be compared`,
    `It has ${['"text"', ...names].join(', ')}. Make pairs with a make-pairs step, or keep the field with fields: [${PAIR}] of sample-data's source.`,
  );
}

/**
 * Rows as a model reads them: their texts, or these and their pairs.
 * @throws StepFailure `no-pair` if pairs are read and a row has none
 */
export async function encodeRows(
  rows: readonly Pick<Row, 'id' | 'text' | 'fields'>[],
  tokenizer: TextTokenizer,
  { maxLength, pairs }: { readonly maxLength: number; readonly pairs?: true },
): Promise<EncodedBatch> {
  const texts = rows.map(({ text }) => text);
  return pairs ? tokenizer.encodePairs(texts, rows.map(pairOf), maxLength) : tokenizer.encode(texts, maxLength);
}
