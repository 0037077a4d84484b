import { StepFailure } from '../../util/failure.js';
import type { Span, Word } from '../dataset.js';
import { nameOf } from './name-of.js';
import type { Annotations } from './source.js';

/** Names of the fields of a JSON object that say more of its text than one label does. */
export interface AnnotationFields {
  /** The words of the text; the text is these with a space between. */
  readonly words?: string;
  /** A tag for each word; null where it is unknown. */
  readonly tags?: string;
  /** Labelled parts of the text. */
  readonly spans?: string;
  /** Any number of labels. */
  readonly labels?: string;
  /** A number. */
  readonly score?: string;
}

type Fields = ReadonlyMap<string, unknown>;

const bad = (where: string, message: string, hint?: string): StepFailure =>
  new StepFailure('bad-row', `${where}: ${message}`, hint);

/** A field's value; undefined where it is absent or null, or no field is named. */
const given = (row: Fields, field: string | undefined): unknown =>
  field === undefined ? undefined : (row.get(field) ?? undefined);

/**
 * The text that a row's words are.
 * @returns undefined if no field of words is named
 * @throws StepFailure `bad-row`
 */
export function textOfWords(row: Fields, { words, tags }: AnnotationFields, where: string): string | undefined {
  if (words === undefined) {
    if (tags === undefined) return undefined;
    throw new StepFailure('bad-source', 'the option "tags" needs "words": the field of the words that have them');
  }
  return wordList(row, words, where).join(' ');
}

function wordList(row: Fields, field: string, where: string): string[] {
  const value = row.get(field);
  if (!Array.isArray(value)) throw bad(where, `field "${field}" has to be a list of words, got ${nameOf(value)}`);
  const odd = value.findIndex((word) => typeof word !== 'string' || word.trim() === '');
  if (odd < 0) return value as string[];
  const found = typeof value[odd] === 'string' ? 'an empty string' : nameOf(value[odd]);
  throw bad(where, `field "${field}" has to be a list of words, and number ${odd + 1} is ${found}`);
}

/**
 * What the named fields say of a text.
 * @returns undefined if they say nothing
 * @throws StepFailure `bad-row`
 */
export function readAnnotations(
  row: Fields,
  text: string,
  fields: AnnotationFields,
  where: string,
): Annotations | undefined {
  const words = fields.words === undefined ? undefined : wordsOf(row, fields.words, fields.tags, where);
  const spans = given(row, fields.spans);
  const labels = given(row, fields.labels);
  const score = given(row, fields.score);
  if (score !== undefined && typeof score !== 'number') {
    throw bad(where, `field "${fields.score}" has to be a number or null, got ${nameOf(score)}`);
  }
  const found: Annotations = {
    ...(words && { words }),
    ...(spans !== undefined && { spans: spansOf(spans, fields.spans as string, text, where) }),
    ...(labels !== undefined && { labels: labelsOf(labels, fields.labels as string, where) }),
    ...(score !== undefined && { score }),
  };
  return Object.keys(found).length > 0 ? found : undefined;
}

function wordsOf(row: Fields, field: string, tagField: string | undefined, where: string): Word[] {
  const list = wordList(row, field, where);
  const tags = given(row, tagField) ?? list.map(() => null);
  if (!Array.isArray(tags)) throw bad(where, `field "${tagField}" has to be a list of tags, got ${nameOf(tags)}`);
  if (tags.length !== list.length) {
    throw bad(
      where,
      `${list.length} words in "${field}" and ${tags.length} tags in "${tagField}"`,
      'Each word has one.',
    );
  }
  let start = 0;
  return list.map((word, i) => {
    const tag: unknown = tags[i];
    if (tag !== null && (typeof tag !== 'string' || tag === '')) {
      throw bad(
        where,
        `tag ${i + 1} in "${tagField}" has to be a string or null, got ${tag === '' ? '""' : nameOf(tag)}`,
      );
    }
    const at = { start, end: start + word.length, tag };
    start = at.end + 1;
    return at;
  });
}

function spansOf(value: unknown, field: string, text: string, where: string): Span[] {
  if (!Array.isArray(value)) throw bad(where, `field "${field}" has to be a list of spans, got ${nameOf(value)}`);
  const spans = value.map((item: unknown, i): Span => {
    const { start, end, label } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || typeof label !== 'string' || label === '') {
      throw bad(where, `span ${i + 1} in "${field}" has to be {"start": …, "end": …, "label": "…"}`);
    }
    const [from, to] = [start as number, end as number];
    if (from >= 0 && from < to && to <= text.length) return { start: from, end: to, label };
    throw bad(
      where,
      `span ${i + 1} in "${field}" is from ${from} to ${to}, and the text has ${text.length} characters`,
    );
  });
  spans.sort((a, b) => a.start - b.start);
  const clash = spans.findIndex((span, i) => i > 0 && span.start < (spans[i - 1] as Span).end);
  if (clash < 0) return spans;
  const [a, b] = spans.slice(clash - 1) as [Span, Span];
  throw bad(where, `two spans in "${field}" overlap: ${a.start} to ${a.end} and ${b.start} to ${b.end}`);
}

function labelsOf(value: unknown, field: string, where: string): string[] {
  const list = Array.isArray(value) ? value : undefined;
  if (list?.every((label) => typeof label === 'string' && label !== '')) return [...new Set(list as string[])].sort();
  throw bad(
    where,
    `field "${field}" has to be a list of labels, got ${list ? 'a list with something else' : nameOf(value)}`,
  );
}
