import { eachText, type Filter, percent, wordsIn } from './filter.js';

export interface RepetitionFilter {
  readonly type: 'repetition';
  /** Shorter texts are not judged. */
  readonly min_words: number;
  /** Largest share of lines that stood there before. */
  readonly max_lines: number;
}

/** Largest share of a text's letters in its most frequent n-gram of words (Rae et al. 2021, arXiv:2112.11446, table A1). */
const MOST = [
  [2, 0.2],
  [3, 0.18],
  [4, 0.16],
] as const;

/** Takes texts that say the same again and again. */
export const repetition: Filter<RepetitionFilter> = {
  type: 'repetition',
  judge(texts, { min_words, max_lines }, _seed, report) {
    return eachText(texts, 'repetition', report, (text) => {
      const words = wordsIn(text.toLowerCase());
      if (words.length < min_words) return undefined;
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      const again = 1 - new Set(lines.map((line) => line.trim())).size / lines.length;
      if (again > max_lines) return `${percent(again)} of the lines stood there before`;
      const letters = words.reduce((sum, word) => sum + word.length, 0);
      for (const [n, most] of MOST) {
        const { gram, count } = topGram(words, n);
        const share = (count * gram.replaceAll(' ', '').length) / letters;
        if (count > 1 && share > most) return `"${gram}" is ${percent(share)} of the text`;
      }
      return undefined;
    });
  },
};

/** The most frequent n-gram, the first of several, and how often it stands there without overlapping itself. */
function topGram(words: readonly string[], n: number): { readonly gram: string; readonly count: number } {
  const counts = new Map<string, { count: number; end: number }>();
  let top = { gram: '', count: 0 };
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(' ');
    const known = counts.get(gram);
    if (known !== undefined && known.end > i) continue;
    const count = (known?.count ?? 0) + 1;
    counts.set(gram, { count, end: i + n });
    if (count > top.count) top = { gram, count };
  }
  return top;
}
