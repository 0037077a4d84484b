import { type Row, readDataset } from '../data/dataset.js';
import { fieldsOf, fill } from '../data/template.js';
import { openTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { fitPrompt } from '../models/continuations.js';
import { maskOf } from '../models/masked-texts.js';
import { promptOf } from '../models/writer.js';
import { StepFailure } from '../util/failure.js';

/** A row that an export is checked with. */
export interface CheckedRow {
  readonly id: string;
  /** What the model reads: of a language model the prompt that it learnt with; of one that fills in words, a text with one hidden. */
  readonly text: string;
  /** The second text, of a model that reads pairs. */
  readonly pair?: string;
  readonly ids: Int32Array;
  /** Of a pair, tokens before those of its second text. */
  readonly second?: number;
  /** Which of the tokens hides a word that the model is to fill in; absent where none does. */
  readonly mask?: number;
  readonly label: string | null;
}

/** Tokens of a prompt, at most: its logits are as many as the vocabulary for each. */
const PROMPT = 64;
/** Tokens that a language model writes to a few rows; there has to be room for them behind the prompt. */
export const WRITTEN = 16;

/**
 * Rows spread evenly over a dataset.
 * @param folder of the model
 * @throws StepFailure if there is no row
 */
export async function rowsToCheck(
  data: string,
  folder: string,
  config: TransformerConfig,
  tokenizer: TextTokenizer,
  most: number,
  labelled = false,
): Promise<CheckedRow[]> {
  const { rows } = await readDataset(data);
  const usable = labelled ? rows.filter(({ label }) => label !== null) : rows;
  const chosen = spread(usable, most);
  if (config.pairs) {
    const pairs = chosen.map(pairOf);
    const tokens = await tokenizer.encodePairs(
      chosen.map(({ text }) => text),
      pairs,
      config.maxLength,
    );
    return chosen.map(({ id, text, label }, i) => ({
      id,
      text,
      label,
      pair: pairs[i] as string,
      ids: tokens.ids(i),
      second: tokens.second(i) as number,
    }));
  }
  if (config.head === 'masked-language-model') {
    const maskId = maskOf(tokenizer);
    const texts = await hideWords(
      folder,
      chosen.map(({ text }) => text),
      maskId,
    );
    const tokens = await tokenizer.encode(texts, config.maxLength);
    return chosen.map(({ id, label }, i) => {
      const ids = tokens.ids(i);
      const mask = ids.indexOf(maskId);
      return { id, label, text: texts[i] as string, ids, ...(mask >= 0 && { mask }) };
    });
  }
  if (config.head !== 'language-model') {
    const tokens = await tokenizer.encode(
      chosen.map(({ text }) => text),
      config.maxLength,
    );
    return chosen.map(({ id, text, label }, i) => ({ id, text, label, ids: tokens.ids(i) }));
  }
  const prompt = await promptOf(folder);
  const texts = chosen.map((row) => fill(prompt, fieldsOf(row), `row ${row.id}`));
  const tokens = await tokenizer.encodeWhole(texts, 'prompt');
  const endId = config.eosId ?? config.padId;
  return chosen.map(({ id, label }, i) => ({
    id,
    label,
    text: texts[i] as string,
    ids: fitPrompt(tokens[i] as Int32Array, Math.max(1, Math.min(PROMPT, config.maxLength - WRITTEN)), endId),
  }));
}

/** Texts with a word hidden, as one hides it who asks a pipeline: their third, or the last of fewer. */
async function hideWords(folder: string, texts: readonly string[], maskId: number): Promise<string[]> {
  const { tokenizer } = await openTokenizer(folder);
  const mask = tokenizer.idToToken(maskId) as string;
  return texts.map((text) => {
    const words = [...text.matchAll(/\S+/g)];
    const word = words[Math.min(2, words.length - 1)];
    return word === undefined ? text : `${text.slice(0, word.index)}${mask}${text.slice(word.index + word[0].length)}`;
  });
}

function pairOf({ id, fields }: Row): string {
  const pair = fields?.pair;
  if (pair !== undefined) return pair;
  throw new StepFailure(
    'no-pairs',
    `the model reads pairs of texts, and row ${id} has no field "pair"`,
    'Bind "data" to rows as it was trained on: see make-pairs.',
  );
}

/** At most so many of some things, evenly spread over them. */
export function spread<T>(all: readonly T[], most: number): T[] {
  const count = Math.min(most, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)] as T);
}

/** @throws StepFailure if there is none */
export function someRows<T>(rows: readonly T[]): readonly T[] {
  if (rows.length > 0) return rows;
  throw new StepFailure(
    'empty-data',
    'the data to check the export with has no rows',
    'Bind "data" to rows such as the test split.',
  );
}
