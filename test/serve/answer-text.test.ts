import { describe, expect, it } from 'vitest';
import { AnswerText, type Scores } from '../../src/serve/answer-text.js';
import type { ScoredToken } from '../../src/serve/protocol.js';
import { sharedFolder } from '../train/rig.js';
import { languageModelFolder } from './rig.js';

const { codec } = await languageModelFolder(await sharedFolder());
const word = (text: string): number => codec.idOf(text) as number;
/** One token a byte. */
const bytes = async (text: string): Promise<number[]> => codec.encode(text, false);

const scores = (id: number): Scores => ({ token: String(id), bytes: [], logProbability: -1, top: [] });

async function run(ids: readonly number[], stop: readonly string[] = []) {
  const answer = await AnswerText.after(await bytes('Go'), codec, stop);
  const texts: string[] = [];
  const tokens: ScoredToken[] = [];
  for (const id of ids) {
    const released = await answer.add(id, scores(id));
    texts.push(released.text);
    tokens.push(...released.tokens);
    if (answer.stopped) return { texts, tokens, stopped: true };
  }
  const rest = answer.end();
  return { texts: [...texts, rest.text], tokens: [...tokens, ...rest.tokens], stopped: false };
}

describe('the text of an answer', () => {
  it('comes token by token', async () => {
    const ids = [word('Ġthe'), word('Ġcat')];
    const { texts, tokens } = await run(ids);
    expect(texts).toEqual([' the', ' cat', '']);
    expect(tokens.map(({ token, start }) => [token, start])).toEqual([
      [String(ids[0]), 0],
      [String(ids[1]), 4],
    ]);
  });

  it('holds back a character until all of its bytes are there', async () => {
    const ids = [...(await bytes('a🙂b'))];
    expect(ids).toHaveLength(6);
    const { texts, tokens } = await run(ids);
    expect(texts).toEqual(['a', '', '', '', '🙂', 'b', '']);
    expect(tokens.map(({ start }) => start)).toEqual([0, 1, 1, 1, 1, 3]);
  });

  it('shows bytes that never become a character, at the end', async () => {
    const [lead] = await bytes('é');
    const { texts, tokens } = await run([word('Ġthe'), lead as number]);
    expect(texts).toEqual([' the', '', '\u{fffd}']);
    expect(tokens).toHaveLength(2);
  });

  it('ends before a stop text, also one that spans tokens, and leaves out the tokens after it', async () => {
    const ids = ['Ġthe', 'Ġcat', 'Ġsat', 'Ġhome'].map(word);
    const { texts, tokens, stopped } = await run(ids, ['t s']);
    expect(stopped).toBe(true);
    expect(texts.join('')).toBe(' the ca');
    expect(tokens).toHaveLength(2);
  });

  it('gives what looked like a stop text and was none', async () => {
    const ids = ['Ġthe', 'Ġcat', 'Ġran'].map(word);
    const { texts, stopped } = await run(ids, ['t sat', 'cattle']);
    expect(stopped).toBe(false);
    expect(texts).toEqual([' the', ' ', 'cat ran', '']);
  });

  it('takes the first of several stop texts', async () => {
    const { texts } = await run(['Ġthe', 'Ġcat'].map(word), ['cat', 'he']);
    expect(texts.join('')).toBe(' t');
  });
});
