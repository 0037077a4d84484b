import type { Row } from '../data/dataset.js';
import { pairOf } from '../data/pair.js';
import type { Predictor } from './predictor.js';

/** A row as a classifier reads it. */
export type Question = Pick<Row, 'id' | 'text' | 'fields'>;

/** What a model compares the rows' texts with; undefined where it compares none. @throws StepFailure if a row has nothing */
export const pairsFor = ({ pairs }: Predictor, rows: readonly Question[]): string[] | undefined =>
  pairs && rows.map(pairOf);

/**
 * A model's logits of rows.
 * @param predict one of many calls
 * @throws StepFailure if it compares two texts, and a row has one */
export const ask = (
  model: Predictor,
  rows: readonly Question[],
  predict: Predictor['predict'] = model.predict,
): Promise<Float32Array> =>
  predict(
    rows.map(({ text }) => text),
    pairsFor(model, rows),
  );
