import { readDataset } from '../data/dataset.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { NEXT } from '../models/continuations.js';
import { MaskedTexts } from '../models/masked-texts.js';
import { type CheckedRow, someRows, spread } from './rows.js';

/** A row in which tokens are hidden: where, and what they are. */
export interface HiddenRow extends CheckedRow {
  readonly places: Int32Array;
  readonly hidden: Int32Array;
}

/**
 * Rows spread evenly over a dataset, with tokens hidden as `evaluate` hides them.
 * @param seed of what is hidden
 * @throws StepFailure if there is no row with a token to hide, or the tokenizer has nothing to hide one with
 */
export async function hiddenRows(
  data: string,
  config: TransformerConfig,
  tokenizer: TextTokenizer,
  most: number,
  seed: number,
): Promise<readonly HiddenRow[]> {
  const chosen = spread((await readDataset(data)).rows, most);
  const tokens = await tokenizer.encode(
    chosen.map(({ text }) => text),
    config.maxLength,
  );
  const names = chosen.map(({ id }) => id);
  const texts = new MaskedTexts(tokens, names, tokenizer, seed);
  return someRows(
    chosen.flatMap(({ id, text, label }, i) => {
      const count = texts.count(i);
      if (count === 0) return [];
      const feeds = texts.feeds([i], 1, texts.length(i), count, config.padId);
      const of = (name: string): Int32Array => feeds[name]?.data as Int32Array;
      return [{ id, text, label, ids: of('ids'), places: of(NEXT.positions), hidden: of(NEXT.targets) }];
    }),
  );
}
