import type { Row } from '../../data/dataset.js';
import type { TargetEncoding } from './encoding.js';

/** Of each label whether a text has it: a question of two classes, not there and there. */
export function manyLabels(all: readonly Row[], labels: readonly string[]): TargetEncoding {
  const n = labels.length;
  return {
    labels,
    perToken: false,
    feeds(rows, size) {
      const asked = new Float32Array(size * n).fill(1, 0, rows.length * n);
      const oneHot = new Float32Array(size * n * 2);
      rows.forEach((r, i) => {
        const has = (all[r] as Row).labels;
        if (has === undefined) return;
        for (const [k, label] of labels.entries()) oneHot[2 * (i * n + k) + (has.includes(label) ? 1 : 0)] = 1;
      });
      return {
        rows: { dtype: 'float32', shape: [size * n], data: asked },
        labels: { dtype: 'float32', shape: [size * n, 2], data: oneHot },
      };
    },
    counts: (row) => ({ rows: n, labels: (all[row] as Row).labels === undefined ? 0 : n }),
  };
}
