import { describe, expect, it } from 'vitest';
import { LabelReader, labelProbabilities, voteProbabilities } from '../../../src/teachers/query/labels.js';
import type { TokenLogprobs } from '../../../src/teachers/query/reply.js';

/** A token with the probabilities of some tokens at its place. */
const token = (text: string, alternatives: Record<string, number>): TokenLogprobs => ({
  token: text,
  logprob: Math.log(alternatives[text] ?? Number.NaN),
  top: Object.entries(alternatives).map(([other, p]) => ({ token: other, logprob: Math.log(p) })),
});

function probabilities(labels: string[], answer: string, tokens: TokenLogprobs[]) {
  const found = new LabelReader(labels).find(answer);
  if (found === undefined) throw new Error('not a label');
  const told = labelProbabilities(labels, answer, found, tokens);
  return told && { p: [...told.probabilities], mass: told.mass, shared: told.shared };
}
const close = (actual: readonly number[] | undefined, expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((p, i) => {
    expect(actual?.[i]).toBeCloseTo(p, 4);
  });
};

describe('LabelReader', () => {
  const reader = new LabelReader(['spam', 'ham', 'not sure']);
  it.each([
    ['spam', 0, 0, 4],
    ['  Spam.\n', 0, 2, 6],
    ['"ham"', 1, 1, 4],
    ['**not sure**', 2, 2, 10],
    ['{"label": "ham"}', 1, 11, 14],
    ['```json\n{"label":"Not Sure"}\n```', 2, 18, 26],
  ])('finds the label of %j', (answer, label, start, end) => {
    expect(reader.find(answer)).toEqual({ label, start, end });
  });
  it.each(['', 'spam or ham', 'spammy', '{"label": "eggs"}', '{"a": "spam", "b": "ham"}', 'The label is spam'])(
    'finds none in %j',
    (answer) => expect(reader.find(answer)).toBeUndefined(),
  );
  it('knows labels that are written with what is else put aside, or with combining characters', () => {
    const odd = new LabelReader(['N/A.', '(a)', 'cafe\u0301']);
    expect(odd.find(' N/A.\n')).toEqual({ label: 0, start: 1, end: 5 });
    expect(odd.find('(a)')?.label).toBe(1);
    expect(odd.find('"caf\u00e9"')).toEqual({ label: 2, start: 1, end: 5 });
  });
  it('tells labels apart that differ in case only', () => {
    const strict = new LabelReader(['May', 'may']);
    expect(strict.find('may')?.label).toBe(1);
    expect(strict.find('MAY')).toBeUndefined();
  });
});

describe('labelProbabilities', () => {
  it('takes the alternatives of one token', () => {
    const { p, mass } =
      probabilities(['spam', 'ham'], 'spam', [token('spam', { spam: 0.7, ham: 0.2, eggs: 0.1 })]) ?? {};
    close(p, [0.7 / 0.9, 0.2 / 0.9]);
    expect(mass).toBeCloseTo(0.9);
  });

  it('adds up the ways in which a label can begin', () => {
    const alternatives = { spam: 0.5, ' spam': 0.1, Spam: 0.1, sp: 0.05, ham: 0.2, ha: 0.05 };
    close(probabilities(['spam', 'ham'], 'spam', [token('spam', alternatives)])?.p, [0.75, 0.25]);
  });

  it('follows a label of several tokens to where it parts from the others', () => {
    const labels = ['positive', 'possible', 'negative'];
    const tokens = [token('pos', { pos: 0.8, neg: 0.2 }), token('itive', { itive: 0.75, sible: 0.25 })];
    const found = probabilities(labels, 'positive', tokens);
    close(found?.p, [0.6, 0.2, 0.2]);
    expect(found?.shared).toBe(0);
  });

  it('says how much it cannot tell apart where the answer took another way', () => {
    const labels = ['ham', 'not spam', 'not sure'];
    const found = probabilities(labels, 'ham', [token('ham', { ham: 0.6, not: 0.4 })]);
    close(found?.p, [0.6, 0.2, 0.2]);
    expect(found?.shared).toBeCloseTo(0.4);
  });

  it('counts a label that begins another one', () => {
    const labels = ['not', 'not sure'];
    const tokens = [token('not', { not: 0.9, yes: 0.1 }), token(' sure', { ' sure': 0.3, '.': 0.5, '\n': 0.2 })];
    const { p } = probabilities(labels, 'not sure', tokens) ?? {};
    close(p, [0.7, 0.3]);
  });

  it('finds the label inside JSON', () => {
    const tokens = [
      token('{"', { '{"': 1 }),
      token('label', { label: 1 }),
      token('": "', { '": "': 1 }),
      token('spam', { spam: 0.6, ham: 0.4 }),
      token('"}', { '"}': 1 }),
    ];
    close(probabilities(['spam', 'ham'], '{"label": "spam"}', tokens)?.p, [0.6, 0.4]);
  });

  it('finds the label behind what shares its token', () => {
    const tokens = [
      token('{"label":', { '{"label":': 1 }),
      token('"spam', { '"spam': 0.6, '"ham': 0.3, '"': 0.1 }),
      token('"}', { '"}': 1 }),
    ];
    close(probabilities(['spam', 'ham'], '{"label":"spam"}', tokens)?.p, [2 / 3, 1 / 3]);
  });

  it('calls no label impossible of which the server says nothing', () => {
    const { p } = probabilities(['a', 'b', 'c'], 'a', [token('a', { a: 0.97, b: 0.01 })]) ?? {};
    expect(p?.[2]).toBeGreaterThan(0.005);
    expect(p?.[2]).toBeLessThan(0.011);
  });

  it('gives up where the tokens do not spell the answer', () => {
    expect(probabilities(['a', 'b'], 'a', [])).toBeUndefined();
    // As a tokenizer does that drops the space before a word.
    const words = [token('not', { not: 0.9, yes: 0.1 }), token('sure', { sure: 1 })];
    expect(probabilities(['not sure', 'yes'], 'not sure', words)).toBeUndefined();
    expect(probabilities(['spam', 'ham'], 'spam', [token('ham', { ham: 0.9, spam: 0.1 })])).toBeUndefined();
  });

  it('finds the answer behind reasoning and before what ends the turn', () => {
    const thought = ['<think>', 'spam', ' or', ' ham', '?', '</think>', '\n\n'].map((text) =>
      token(text, { [text]: 1 }),
    );
    const tokens = [
      ...thought,
      token('ham', { ham: 0.6, spam: 0.4 }),
      token('<|end of ham|>', { '<|end of ham|>': 1 }),
    ];
    close(probabilities(['spam', 'ham'], 'ham', tokens)?.p, [0.4, 0.6]);
  });

  it('puts characters together of which tokens are parts', () => {
    const part = (bytes: number[], p: number) => ({ token: '', bytes, logprob: Math.log(p) });
    const [good, bad, rest] = [[0xe5, 0xa5], [0xe5, 0x9d], [0xbd]];
    const tokens = [
      { ...part(good, 0.8), top: [part(good, 0.8), part(bad, 0.15), part([0x78], 0.05)] },
      { ...part(rest, 0.9), top: [part(rest, 0.9), part([0xb3], 0.1)] },
    ];
    // Where one character only begins as the answer does, the rest of the answer is not looked at.
    close(probabilities(['好', '坏'], '好', tokens)?.p, [0.8 / 0.95, 0.15 / 0.95]);
    close(probabilities(['好', '坏', '女'], '好', tokens)?.p, [0.72 / 0.95, 0.15 / 0.95, 0.08 / 0.95]);
  });

  it('asks the next token whether a label ends that begins another one', () => {
    const labels = ['not', 'not sure'];
    const own = token('not', { not: 0.9, yes: 0.1 });
    close(
      probabilities(labels, 'not', [own, token('<|end|>', { '<|end|>': 0.6, ' sure': 0.3, '.': 0.1 })])?.p,
      [0.7, 0.3],
    );
    close(probabilities(labels, 'not', [own, token('', { '': 0.6, ' sure': 0.4 })])?.p, [0.6, 0.4]);
    close(probabilities(labels, 'not\n', [own, token('\n', { '\n': 0.8, ' sure': 0.2 })])?.p, [0.8, 0.2]);
  });

  it('takes no word for a label that goes on', () => {
    const tokens = [token('cafe', { cafe: 0.6, 'cafe\u0301': 0.2, cafes: 0.1, bar: 0.1 })];
    close(probabilities(['cafe', 'bar'], 'cafe', tokens)?.p, [0.6 / 0.7, 0.1 / 0.7]);
  });

  it('reads labels as JSON writes them', () => {
    const tokens = [
      token('{"label": "', { '{"label": "': 1 }),
      token('\\"a', { '\\"a': 0.7, '\\"b': 0.3 }),
      token('\\""}', { '\\""}': 1 }),
    ];
    close(probabilities(['"a"', '"b"'], '{"label": "\\"a\\""}', tokens)?.p, [0.7, 0.3]);
  });

  it('knows upper and lower case also beyond ASCII', () => {
    const tokens = [token('Ö', { Ö: 0.5, ö: 0.2, Ä: 0.3 }), token('l', { l: 1 })];
    close(probabilities(['öl', 'äl'], 'Öl', tokens)?.p, [0.7, 0.3]);
  });

  it('sums to one whatever the tree looks like', () => {
    const labels = ['aa', 'ab', 'b', 'bab', 'c'];
    const tokens = [token('a', { a: 0.3, b: 0.3, c: 0.2, ba: 0.1 }), token('b', { b: 0.6, a: 0.4 })];
    const found = probabilities(labels, 'ab', tokens);
    expect(found?.p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(found?.p[1]).toBeCloseTo(0.18 / 0.9, 3);
  });
});

describe('voteProbabilities', () => {
  it('keeps the others possible', () => {
    expect([...voteProbabilities(2, [0, 0, 0, 0])].map((p) => p.toFixed(3))).toEqual(['0.900', '0.100']);
    expect([...voteProbabilities(4, [2])].map((p) => p.toFixed(3))).toEqual(['0.125', '0.125', '0.625', '0.125']);
  });
});
