import type { Row } from '../../data/dataset.js';
import type { TargetEncoding } from './encoding.js';

/** One of the labels a text, or none that is known. */
export function oneLabel(all: readonly Row[], labels: readonly string[]): TargetEncoding {
  const place = new Map(labels.map((label, k) => [label, k]));
  return {
    labels,
    perToken: false,
    feeds(rows, size) {
      const real = new Float32Array(size).fill(1, 0, rows.length);
      const oneHot = new Float32Array(size * labels.length);
      rows.forEach((r, i) => {
        const { label } = all[r] as Row;
        if (label !== null) oneHot[i * labels.length + (place.get(label) as number)] = 1;
      });
      return {
        rows: { dtype: 'float32', shape: [size], data: real },
        labels: { dtype: 'float32', shape: [size, labels.length], data: oneHot },
      };
    },
    counts: (row) => ({ rows: 1, labels: (all[row] as Row).label === null ? 0 : 1 }),
  };
}
