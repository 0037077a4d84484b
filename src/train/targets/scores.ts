import type { Row } from '../../data/dataset.js';
import type { TargetEncoding } from './encoding.js';

/** The one output of a model that scores. */
export const SCORE = 'score';

/** A number a text, or none that is known. */
export function scores(all: readonly Row[]): TargetEncoding {
  return {
    labels: [SCORE],
    perToken: false,
    feeds(rows, size) {
      const [asked, known, values] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
      rows.forEach((r, i) => {
        const { score } = all[r] as Row;
        asked[i] = 1;
        known[i] = score === undefined ? 0 : 1;
        values[i] = score ?? 0;
      });
      return {
        rows: { dtype: 'float32', shape: [size], data: asked },
        labels: { dtype: 'float32', shape: [size, 1], data: values },
        known: { dtype: 'float32', shape: [size], data: known },
      };
    },
    counts: (row) => ({ rows: 1, labels: (all[row] as Row).score === undefined ? 0 : 1 }),
  };
}
