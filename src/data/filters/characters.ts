import { eachText, type Filter, percent } from './filter.js';

export interface CharactersFilter {
  readonly type: 'characters';
  /** Smallest share of letters among all that is no space. */
  readonly min_letters: number;
  /** Largest number of characters of a word; null: any. */
  readonly max_word: number | null;
}

/** Takes character soup: texts of few letters, or with words that nobody writes. */
export const characters: Filter<CharactersFilter> = {
  type: 'characters',
  judge(texts, { min_letters, max_word }, _seed, report) {
    return eachText(texts, 'characters', report, (text) => {
      const solid = text.replace(/\s+/gu, '');
      const letters = solid.replace(/[^\p{L}\p{M}]+/gu, '').length;
      if (letters < min_letters * solid.length) return `${percent(letters / solid.length)} of it are letters`;
      if (max_word === null) return undefined;
      const longest = text.split(/\s+/u).reduce((most, word) => Math.max(most, word.length), 0);
      return longest > max_word ? `a word of ${longest} characters` : undefined;
    });
  },
};
