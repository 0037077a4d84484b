import { fnv1a, mix } from '../../util/hash.js';
import { KneserNey } from '../kneser-ney.js';
import { eachText, type Filter, type Texts } from './filter.js';

export interface PerplexityFilter {
  readonly type: 'perplexity';
  /** Which share of the texts goes: those that surprise most. */
  readonly drop: number;
}

/** Characters of the longest n-grams. */
const ORDER = 4;
/** Characters that are learnt, of each half, and read of a text. */
const LEARNT = 400_000;
const READ = 1000;
/** Characters that are not among so many most frequent ones are alike. */
const ALPHABET = 500;

/**
 * Takes the texts that surprise a language model most (as CCNet does, Wenzek et al. 2020, arXiv:1911.00359): here a 4-gram
 * model of characters with Kneser–Ney smoothing, learnt from these texts on the spot. There are two, each of one half of
 * the texts, and a text is judged by the one that has not learnt it.
 */
export const perplexity: Filter<PerplexityFilter> = {
  type: 'perplexity',
  async *judge(texts, { drop }, seed, report) {
    const half = (number: number): 0 | 1 => (mix(number ^ mix(fnv1a(`perplexity/${seed}`))) & 1) as 0 | 1;
    const sample = sampleOf(texts, half);
    const alphabet = alphabetOf(sample.flat());
    const ids = (text: string): Int32Array =>
      Int32Array.from([...text.slice(0, READ)], (character) => alphabet.get(character) ?? alphabet.size);
    const models = sample.map((learnt) => KneserNey.learn(learnt.map(ids), ORDER, alphabet.size + 1));
    const found: number[] = [];
    yield* eachText(texts, 'perplexity', report, (text, number) => {
      const other = models[1 - half(number)] as KneserNey;
      const { loss, tokens } = other.surprise({ ids: ids(text), given: 0 });
      found.push(tokens === 0 ? 0 : loss / tokens);
      return undefined;
    });
    const most = Math.floor(drop * texts.count);
    if (most === 0) return;
    const limit = Float64Array.from(found).sort()[found.length - most] as number;
    let at = 0;
    yield* eachText(texts, 'perplexity', report, () => {
      const own = found[at++] as number;
      return own < limit ? undefined : `perplexity ${Math.exp(own).toFixed(1)} a character`;
    });
  },
};

/** Texts of each half, spread over all of them, up to so many characters. */
function sampleOf({ all, count }: Texts, half: (number: number) => 0 | 1): [string[], string[]] {
  let characters = 0;
  for (const { text } of all()) characters += Math.min(text.length, READ);
  const share = Math.min(1, (2 * LEARNT) / Math.max(1, characters));
  const sample: [string[], string[]] = [[], []];
  let due = 0;
  for (const { number, text } of all()) {
    due += share;
    if (due < 1 && count > 1) continue;
    due -= 1;
    sample[half(number)].push(text);
  }
  return sample;
}

/** An id for each of the most frequent characters. */
function alphabetOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const character of text.slice(0, READ)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const ordered = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, ALPHABET);
  return new Map(ordered.map(([character], id) => [character, id]));
}
