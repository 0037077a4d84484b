import { StepFailure } from '../util/failure.js';
import type { DatasetInfo, Row, Span, Word } from './dataset.js';

/**
 * A text's words: runs of letters, digits and marks, and every other character that is no space by itself, as BERT's
 * tokenizer has them. For rows of which only the text is known.
 */
export const splitWords = (text: string): { readonly start: number; readonly end: number }[] =>
  [...text.matchAll(/[\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_]/gu)].map(({ index, 0: word }) => ({
    start: index,
    end: index + word.length,
  }));

/**
 * BIO tags of words (Ramshaw & Marcus 1995, arXiv:cmp-lg/9505040): of those that a span covers, wholly or in part, the
 * first is `B-label` and the others `I-label`; words outside are `O`. A word that two spans share belongs to the first.
 */
export function bioTags(words: readonly { readonly start: number; readonly end: number }[], spans: readonly Span[]) {
  let next = 0;
  let begun = false;
  return words.map(({ start, end }): string => {
    while (next < spans.length && (spans[next] as Span).end <= start) {
      next++;
      begun = false;
    }
    const span = spans[next];
    if (span === undefined || span.start >= end) return OUTSIDE;
    const tag = `${begun ? 'I' : 'B'}-${span.label}`;
    begun = true;
    return tag;
  });
}

export const OUTSIDE = 'O';

/** A row's words with what is known of their tags: its own, or those of its text with the tags that its spans give. */
export function wordsOf({ text, words, spans }: Pick<Row, 'text' | 'words' | 'spans'>): readonly Word[] {
  if (words !== undefined) return words;
  const split = splitWords(text);
  const tags = spans && bioTags(split, spans);
  return split.map((word, i) => ({ ...word, tag: tags?.[i] ?? null }));
}

/** Whether the tag of a word of the row is known. */
export const isTagged = ({ words, spans }: Row): boolean =>
  words === undefined ? spans !== undefined : words.some(({ tag }) => tag !== null);

/**
 * Every tag that words of a dataset can have, in the order of a tagger's logits: those of its words, or `O` and the BIO
 * tags of its spans.
 * @throws StepFailure `tags` if it has neither, or both
 */
export function tagSet({ tags = [], span_labels: spans = [] }: DatasetInfo, input: string): string[] {
  if (tags.length > 0 && spans.length > 0) {
    throw new StepFailure(
      'tags',
      `some rows of the input "${input}" have words with tags, and some have spans: a tagger learns one of the two`,
      'Take them apart.',
    );
  }
  if (tags.length > 0) return [...tags];
  if (spans.length > 0) return [OUTSIDE, ...spans.flatMap((label) => [`B-${label}`, `I-${label}`])];
  throw new StepFailure(
    'tags',
    `no row of the input "${input}" has words with tags, or spans`,
    'A jsonl source reads them from the fields that its options words and tags, or spans, name; query-teacher finds spans with task.mode tag.',
  );
}

/** @throws StepFailure `tags`, naming the first row and word that has a tag of no other name in `tags` */
export function checkTags(rows: readonly Row[], tags: readonly string[], input: string, known: string): void {
  const all = new Set(tags);
  for (const row of rows) {
    const strange = wordsOf(row).find(({ tag }) => tag !== null && !all.has(tag));
    if (strange === undefined) continue;
    throw new StepFailure(
      'tags',
      `row ${row.id} of the input "${input}": the word ${JSON.stringify(row.text.slice(strange.start, strange.end))} has the tag "${strange.tag}", which ${known} does not know`,
      `It knows ${tags.join(', ')}.`,
    );
  }
}

/**
 * The token that carries each word's tag: its first piece, as transformers' token classification has it.
 * @param places where each token begins and ends in the text; 0 and 0 of special ones
 * @returns a place among the tokens; −1 of a word that was cut off, or of which no token is left
 */
export function firstPieces(
  words: readonly { readonly start: number; readonly end: number }[],
  places: { readonly starts: Int32Array; readonly ends: Int32Array },
): Int32Array {
  const { starts, ends } = places;
  const found = new Int32Array(words.length).fill(-1);
  let token = 0;
  for (const [i, { start, end }] of words.entries()) {
    // Special tokens end at 0; a token that a word before has taken is passed over.
    while (token < starts.length && (ends[token] as number) <= start) token++;
    if (token === starts.length) break;
    if ((starts[token] as number) < end) found[i] = token++;
  }
  return found;
}
