import type { Row } from '../../data/dataset.js';
import { cutText } from '../../data/text.js';
import { Random } from '../../util/random.js';
import type { Cell } from './cells.js';

/** What a prompt may name. */
export const FIELDS: readonly string[] = ['label', 'meaning', 'topic', 'examples', 'count'];

/** Longest part of a seed that is shown, UTF-16 code units. */
const SHOWN = 1200;

/** What all requests are made of. */
export interface Wishing {
  readonly descriptions: Readonly<Record<string, string>>;
  /** Seeds by label. */
  readonly seeds: ReadonlyMap<string, readonly string[]>;
  readonly seedTexts: number;
  readonly perRequest: number;
  readonly seed: number;
}

/** One request for texts, as a row that a teacher is asked about. */
export interface Wish {
  readonly cell: number;
  /** Which of the cell's requests it is, from 0. */
  readonly number: number;
  readonly row: Row;
}

/** A phrase that follows a label. */
export const meaningOf = (label: string, descriptions: Wishing['descriptions']): string =>
  descriptions[label] === undefined ? '' : ` (${descriptions[label]})`;

/**
 * Requests for so many texts of a cell. Each shows other seeds; those that show the same are told apart by their number,
 * so that each has an answer of its own.
 * @param place of the cell; @param first number of the first request
 */
export function wishesOf(cell: Cell, place: number, texts: number, first: number, wishing: Wishing): Wish[] {
  const { perRequest } = wishing;
  return Array.from({ length: Math.ceil(texts / perRequest) }, (_, i): Wish => {
    const number = first + i;
    const count = Math.min(perRequest, texts - i * perRequest);
    const fields = {
      label: cell.label,
      meaning: meaningOf(cell.label, wishing.descriptions),
      topic: cell.topic ?? '',
      examples: examplesOf(cell.label, `${place} ${number}`, wishing),
      count: String(count),
    };
    return { cell: place, number, row: { id: `${place}-${number}`, text: '', label: cell.label, fields } };
  });
}

/** Seeds as the prompt has them: nothing where there are none. */
function examplesOf(label: string, stream: string, { seeds, seedTexts, seed }: Wishing): string {
  const own = seeds.get(label) ?? [];
  if (own.length === 0 || seedTexts === 0) return '';
  const random = new Random(seed, `seeds ${stream}`);
  const places = new Set<number>();
  while (places.size < Math.min(seedTexts, own.length)) places.add(random.below(own.length));
  const shown = [...places].map((place) => `"""\n${cutText(own[place] as string, SHOWN).trim()}\n"""`);
  return `\n\nReal texts with this label, for tone and length. Do not copy them:\n${shown.join('\n')}`;
}
