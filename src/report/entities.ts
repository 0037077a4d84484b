/** Entities in tags, and how well they were found, exactly as seqeval counts them in its default mode. */

/** How many entities there are, and how many of those that were found are right: a row's, or of many the sum. */
export interface EntityCounts {
  readonly right: number;
  readonly found: number;
  readonly there: number;
}

export interface EntityQuality {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Whether tags mark entities: `B-…`, `I-…` and the like. */
export const marksEntities = (tags: readonly string[]): boolean => tags.some((tag) => /^[BIES]-/.test(tag));

const AFRESH = new Set(['B', 'S', 'O']);

/**
 * The entities of one sequence of tags, each `type start end` with the last word included. An `I-x` that follows nothing
 * of its type begins an entity, and `E-` and `S-` are understood (IOBES), as in seqeval's `get_entities`.
 */
export function entitiesOf(tags: readonly string[]): string[] {
  const found: string[] = [];
  let [before, beforeType, begin] = ['O', '', 0];
  for (const [i, whole] of [...tags, 'O'].entries()) {
    const tag = whole.charAt(0);
    // Behind the first hyphen, if there is one after the first character.
    const rest = whole.slice(1);
    const type = rest.slice(rest.indexOf('-') + 1) || '_';
    const other = beforeType !== type;
    const ends =
      before === 'E' ||
      before === 'S' ||
      ((before === 'B' || before === 'I') && AFRESH.has(tag)) ||
      (before !== 'O' && before !== '.' && other);
    const starts =
      tag === 'B' ||
      tag === 'S' ||
      ((before === 'E' || before === 'S' || before === 'O') && (tag === 'E' || tag === 'I')) ||
      (tag !== 'O' && tag !== '.' && other);
    if (ends) found.push(`${beforeType} ${begin} ${i - 1}`);
    if (starts) begin = i;
    [before, beforeType] = [tag, type];
  }
  return found;
}

/** Of one row. */
export function entityCounts(truth: readonly string[], predicted: readonly string[]): EntityCounts {
  const there = new Set(entitiesOf(truth));
  const found = new Set(entitiesOf(predicted));
  return { right: [...found].filter((entity) => there.has(entity)).length, found: found.size, there: there.size };
}

/** Micro average; 0 where it would be divided by 0. */
export function entityQuality({ right, found, there }: EntityCounts): EntityQuality {
  const precision = found === 0 ? 0 : right / found;
  const recall = there === 0 ? 0 : right / there;
  return { precision, recall, f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

export const sumOf = (counts: Iterable<EntityCounts>): EntityCounts => {
  let [right, found, there] = [0, 0, 0];
  for (const each of counts) {
    right += each.right;
    found += each.found;
    there += each.there;
  }
  return { right, found, there };
};
