import type { Row } from '../data/dataset.js';
import { didYouMean, StepFailure } from '../engine/step.js';

/** Fields that a message names, at most. */
const NAMED = 10;

/** @throws StepFailure `no-field` if no row has a field that figures are wanted by */
export function checkSlices(slices: readonly string[], rows: readonly Pick<Row, 'fields'>[]): void {
  const known = new Set(rows.flatMap(({ fields = {} }) => Object.keys(fields)));
  const place = slices.findIndex((field) => !known.has(field));
  if (place < 0) return;
  const field = slices[place] as string;
  const has = [...known].sort().slice(0, NAMED).join(', ');
  const message = `no row to evaluate on has a field "${field}"${has === '' ? ', or any other' : `; there are ${has}`}`;
  throw new StepFailure(
    'no-field',
    message,
    didYouMean(field, known) ?? 'The source of sample-data keeps the fields that its option "fields" names.',
    `/slices/${place}`,
  );
}
