import { describe, expect, it } from 'vitest';
import { type FilterOptions, judge } from '../../src/data/filters/index.js';
import { Random } from '../../src/util/random.js';
import { withDefaults } from '../steps/context.js';

/** What a filter takes of some texts: the reason by the text. */
async function taken(filter: Record<string, unknown> & { type: string }, texts: readonly string[], seed = 7) {
  const options = withDefaults('sample-data', { source: { type: 'text', path: 'x' }, quality: [filter as never] });
  const [own] = (options as unknown as { quality: [FilterOptions] }).quality;
  const all = () => texts.map((text, number) => ({ text, number }));
  const report = { progress: async () => {}, log: () => {} };
  const found: Record<string, string> = {};
  for await (const { number, reason } of judge({ count: texts.length, all }, own, seed, report)) {
    found[texts[number] as string] = reason;
  }
  return found;
}

/** Sentences of words that no other has in this order. */
function sentences(n: number, words: readonly string[], seed = 1): string[] {
  const random = new Random(seed, 'sentences');
  return Array.from({ length: n }, () =>
    Array.from({ length: 12 }, () => words[random.below(words.length)] as string).join(' '),
  );
}
const WORDS = 'the quick brown fox jumps over a lazy dog while seven wizards bring their boxes home'.split(' ');

describe('filters', () => {
  it('length', async () => {
    const texts = ['a', 'one two', 'one two three', 'one two three four five'];
    expect(await taken({ type: 'length', min_words: 2, max_words: 4 }, texts)).toEqual({
      a: '1 words',
      'one two three four five': '5 words',
    });
    expect(await taken({ type: 'length', min_characters: 2, max_characters: 13 }, texts)).toEqual({
      a: '1 characters',
      'one two three four five': '23 characters',
    });
  });

  it('language', async () => {
    const german = 'Guten Morgen, wie geht es Ihnen heute in dieser schönen Stadt?';
    const english = 'Good morning, how are you today in this beautiful city?';
    const french = 'Bonjour, comment allez-vous aujourd’hui dans cette belle ville ?';
    const texts = [german, english, french, '12 34'];
    expect(await taken({ type: 'language', keep: ['en'] }, texts)).toEqual({
      [german]: 'language de',
      [french]: 'language fr',
    });
    expect(await taken({ type: 'language', keep: ['en', 'de', 'fr'], unsure: 'drop' }, texts)).toEqual({
      '12 34': 'no language for certain',
    });
  });

  it('repetition', async () => {
    const [plain = ''] = sentences(
      1,
      WORDS.map((word, i) => `${word}${'x'.repeat(i)}`),
    );
    const spam = `${'buy now '.repeat(12)}because it is cheap`;
    const lines =
      'first line of the text\nsecond line of the text\nfirst line of the text\nfirst line of the text\nlast';
    const found = await taken({ type: 'repetition', min_words: 10 }, [plain, spam, lines, 'na na na']);
    expect(Object.keys(found)).toEqual([spam, lines]);
    expect(found[spam]).toMatch(/^"buy now" is \d\d % of the text$/);
    expect(found[lines]).toBe('40 % of the lines stood there before');
  });

  it('boilerplate', async () => {
    const footer = 'To unsubscribe from this list write to 17\nAll rights reserved';
    const own = sentences(20, WORDS);
    const signed = own.slice(0, 10).map((text) => `${text}\n${footer.replace('17', String(text.length))}`);
    const bare = [`Hi\n${footer}`];
    const found = await taken({ type: 'boilerplate' }, [...signed, ...own.slice(10), ...bare]);
    expect(Object.keys(found)).toEqual([
      ...signed.filter((text) => (text.split('\n')[0] as string).length <= 59),
      ...bare,
    ]);
    expect(found[bare[0] as string]).toBe('97 % of it is in lines that at least 3 rows have');
    expect(await taken({ type: 'boilerplate', rows: 0.9 }, [...signed, ...own.slice(10), ...bare])).toEqual({});
  });

  it('characters', async () => {
    const texts = ['Plain words, 2 of them.', '%%% ### 12345 ~~ a', `see ${'QUJD'.repeat(30)}`, 'Привет, мир'];
    expect(await taken({ type: 'characters', max_word: 100 }, texts)).toEqual({
      [texts[1] as string]: '7 % of it are letters',
      [texts[2] as string]: 'a word of 120 characters',
    });
  });

  it('perplexity: what is unlike the rest, the same for the same seed', async () => {
    const random = new Random(3, 'soup');
    const soup = Array.from({ length: 4 }, () =>
      Array.from({ length: 60 }, () => String.fromCharCode(97 + random.below(26))).join(''),
    );
    const plain = sentences(196, WORDS);
    const texts = [...plain.slice(0, 100), ...soup, ...plain.slice(100)];
    const found = await taken({ type: 'perplexity', drop: 0.02 }, texts);
    expect(Object.keys(found).sort()).toEqual([...soup].sort());
    expect(found[soup[0] as string]).toMatch(/^perplexity \d+\.\d a character$/);
    expect(await taken({ type: 'perplexity', drop: 0.02 }, texts)).toEqual(found);
    expect(await taken({ type: 'perplexity', drop: 0.001 }, texts)).toEqual({});
  });
});
