import type { Row } from '../data/dataset.js';
import { StepFailure } from '../util/failure.js';

/** The same numbers. @throws StepFailure `not-a-number`, naming the row */
export function checkFinite(row: Row, said: Float32Array): Float32Array {
  if (said.every(Number.isFinite)) return said;
  throw new StepFailure(
    'not-a-number',
    `a model answers row ${row.id} with something that is no number`,
    'Its training has probably diverged: lower the learning rate.',
  );
}
