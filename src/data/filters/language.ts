import { eachText, type Filter } from './filter.js';

export interface LanguageFilter {
  readonly type: 'language';
  /** ISO 639-1. */
  readonly keep: readonly string[];
  /** What becomes of texts whose language cannot be told. */
  readonly unsure: 'keep' | 'drop';
}

/** The start of a text that tells its language, UTF-16 code units. */
const READ = 2000;

/** Takes texts of other languages, as ELD (Efficient Language Detector) tells them by their n-grams. */
export const language: Filter<LanguageFilter> = {
  type: 'language',
  async *judge(texts, { keep, unsure }, _seed, report) {
    const { eld } = await import('eld/small');
    const kept = new Set(keep);
    yield* eachText(texts, 'language', report, (text) => {
      const found = eld.detect(text.slice(0, READ));
      if (found.language === '' || !found.isReliable())
        return unsure === 'drop' ? 'no language for certain' : undefined;
      return kept.has(found.language) ? undefined : `language ${found.language}`;
    });
  },
};
