import { StepFailure } from '../util/failure.js';
import type { Row } from './dataset.js';

/** 1 for each label that the row has. */
export const presenceOf = ({ labels: own = [] }: Row, labels: readonly string[]): Uint8Array =>
  Uint8Array.from(labels, (label) => (own.includes(label) ? 1 : 0));

/** @throws StepFailure `labels`, naming the first row that has another label */
export function checkManyLabels(rows: readonly Row[], labels: readonly string[], input: string, known: string): void {
  for (const row of rows) {
    const strange = row.labels?.find((label) => !labels.includes(label));
    if (strange === undefined) continue;
    throw new StepFailure(
      'labels',
      `row ${row.id} of the input "${input}" has the label "${strange}", which ${known} does not know`,
      `It knows ${labels.join(', ')}.`,
    );
  }
}
