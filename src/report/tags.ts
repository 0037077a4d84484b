import {
  type EntityCounts,
  type EntityQuality,
  entityCounts,
  entityQuality,
  marksEntities,
  sumOf,
} from './entities.js';
import { confusionOf, type Quality, qualityOf } from './metrics.js';

/** The words of one row, as indices of tags; a word that nobody answered for is predicted −1. */
export interface TaggedRow {
  readonly truth: Int32Array;
  readonly predicted: Int32Array;
}

export interface TagQuality {
  /** Over words: accuracy, macro-F1 and each tag's, as scikit-learn has them. A word without an answer is wrong. */
  readonly words: Omit<Quality, 'confusion' | 'mcc'>;
  /** Over all rows, where the tags mark entities. */
  readonly entities: EntityQuality | undefined;
  /** Each row's, where the tags mark entities. */
  readonly counts: readonly EntityCounts[] | undefined;
}

/** How well some rows were tagged; one word at least. */
export function tagQuality(rows: readonly TaggedRow[], tags: readonly string[]): TagQuality {
  const join = (part: keyof TaggedRow): Int32Array => Int32Array.from(rows.flatMap((row) => [...row[part]]));
  const n = tags.length;
  // No answer is one more tag, which no word has.
  const predicted = join('predicted').map((tag) => (tag < 0 ? n : tag));
  const { accuracy, errors, perLabel } = qualityOf(confusionOf(join('truth'), predicted, n + 1), [...tags, '']);
  const known = perLabel.slice(0, n);
  const macroF1 = known.reduce((sum, { f1 }) => sum + f1, 0) / n;
  const words = { accuracy, macroF1, errors, perLabel: known };
  if (!marksEntities(tags)) return { words, entities: undefined, counts: undefined };
  const named = (row: Int32Array): string[] => Array.from(row, (tag) => (tag < 0 ? 'O' : (tags[tag] as string)));
  const counts = rows.map(({ truth, predicted }) => entityCounts(named(truth), named(predicted)));
  return { words, entities: entityQuality(sumOf(counts)), counts };
}
