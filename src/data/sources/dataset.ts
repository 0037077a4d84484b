import { StepFailure } from '../../util/failure.js';
import { streamRows } from '../dataset.js';
import type { Source } from './source.js';

export interface DatasetSource {
  readonly type: 'dataset';
  /** Absolute folder of the artifact. */
  readonly path: string;
}

/** The rows of an earlier step. What its rows are grouped or ordered by are their fields. */
export const dataset: Source<DatasetSource> = {
  type: 'dataset',
  async *read({ path }, _report, keys) {
    for await (const row of streamRows(path)) {
      if (row.augmented_from !== undefined) {
        throw new StepFailure(
          'augmented-data',
          `row ${row.id} of the input "data" is a copy that augment-data made: splits are made of real rows`,
          'Bind it to the rows that were augmented, and augment the training split.',
        );
      }
      const { text, label, fields, responses, words, spans, labels, score, synthetic } = row;
      const annotations = {
        ...(words && { words }),
        ...(spans && { spans }),
        ...(labels && { labels }),
        ...(score !== undefined && { score }),
      };
      yield {
        text,
        label,
        ...(fields && { fields }),
        ...(responses && { responses }),
        ...(Object.keys(annotations).length > 0 && { annotations }),
        ...(synthetic && { synthetic }),
        ...(keys.length > 0 && { keys: Object.fromEntries(keys.map((key) => [key, fieldOf(row.id, fields, key)])) }),
      };
    }
  },
};

function fieldOf(id: string, fields: Readonly<Record<string, string>> = {}, key: string): string {
  const value = fields[key];
  if (value !== undefined) return value;
  const there = Object.keys(fields).map((name) => `"${name}"`);
  const hint = there.length > 0 ? `It has ${there.join(', ')}.` : 'Let the step that reads it keep the field.';
  throw new StepFailure('no-field', `row ${id} of the input "data" has no field "${key}"`, hint, '/split');
}
