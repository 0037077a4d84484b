import { eachText, type Filter, wordsIn } from './filter.js';

export interface LengthFilter {
  readonly type: 'length';
  readonly min_characters?: number;
  readonly max_characters?: number;
  readonly min_words?: number;
  readonly max_words?: number;
}

/** Takes texts that are too short or too long. */
export const length: Filter<LengthFilter> = {
  type: 'length',
  judge(texts, options, _seed, report) {
    const { min_characters = 0, max_characters = Number.POSITIVE_INFINITY } = options;
    const { min_words = 0, max_words = Number.POSITIVE_INFINITY } = options;
    const counted = min_words > 0 || max_words !== Number.POSITIVE_INFINITY;
    return eachText(texts, 'length', report, (text) => {
      if (text.length < min_characters || text.length > max_characters) return `${text.length} characters`;
      const words = counted ? wordsIn(text).length : 0;
      return counted && (words < min_words || words > max_words) ? `${words} words` : undefined;
    });
  },
};
