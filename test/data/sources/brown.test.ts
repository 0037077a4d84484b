import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../src/data/dataset.js';
import { plainTag, universalTag } from '../../../src/data/sources/brown-tags.js';
import { wordsOf } from '../../../src/data/words.js';
import { sampleData } from '../../../src/steps/sample-data.js';
import { runStep, temporaryFolder } from '../../steps/context.js';

async function corpus(files: Record<string, string>, cats: string): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'cats.txt'), cats);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}
const FILES = {
  ca01: "\n\n\tThe/at jury/nn said/vbd it's/pps+bez 1/2/cd ./.\n\n\n\tFulton/np-tl County/nn-tl\n",
  cb01: '\n\tDe/fw-in facto/fw-nn !/.-hl\n',
};
const CATS = 'cb01 editorial\nca01 news\n';
const rowsOf = async (options: object, path: string) => {
  const { outputs } = await runStep(sampleData, {
    options: {
      source: { type: 'brown', path, ...options },
      split: { train: 1, validation: 0, test: 0 },
      deduplicate: { near: null },
    },
  });
  const { info, rows } = await readDataset(outputs.train as string);
  return { info, rows: [...rows].sort((a, b) => (a.text < b.text ? -1 : 1)) };
};

describe('the Brown corpus', () => {
  it('has a row a sentence, its genre, and the tags of its words', async () => {
    const { info, rows } = await rowsOf({}, await corpus(FILES, CATS));
    expect(rows.map(({ text, label }) => [text, label])).toEqual([
      ['De facto !', 'editorial'],
      ['Fulton County', 'news'],
      ["The jury said it's 1/2 .", 'news'],
    ]);
    const tags = rows.map((row) => wordsOf(row).map(({ start, end, tag }) => `${row.text.slice(start, end)} ${tag}`));
    expect(tags).toEqual([
      ['De X', 'facto X', '! .'],
      ['Fulton NOUN', 'County NOUN'],
      ['The DET', 'jury NOUN', 'said VERB', "it's PRT", '1/2 NUM', '. .'],
    ]);
    expect(info).toMatchObject({
      labels: ['editorial', 'news'],
      tags: ['.', 'DET', 'NOUN', 'NUM', 'PRT', 'VERB', 'X'],
    });
  });

  it('has the labels that its genres are given, of those alone', async () => {
    const path = await corpus(FILES, CATS);
    const { info, rows } = await rowsOf({ labels: { news: 'press' } }, path);
    expect(info.labels).toEqual(['press']);
    expect(rows.map(({ label }) => label)).toEqual(['press', 'press']);
    await expect(rowsOf({ labels: { news: 'press', sport: 'press' } }, path)).rejects.toMatchObject({
      message: 'the corpus has no genre "sport"',
      hint: 'There are editorial, news.',
      pointer: '/source/labels',
    });
  });

  it('has its own tags', async () => {
    const path = await corpus(FILES, CATS);
    expect((await rowsOf({ tags: 'full' }, path)).info.tags).toContain('nn-tl');
    expect((await rowsOf({ tags: 'plain' }, path)).info.tags).toEqual(
      ['.', 'at', 'cd', 'fw-in', 'fw-nn', 'nn', 'np', 'pps+bez', 'vbd'].sort(),
    );
  });

  it('joins sentences of a paragraph, as long as they are no more words than asked for', async () => {
    const text = 'One/cd two/cd ./.\n\tThree/cd ./.\n\tFour/cd five/cd six/cd ./.\n\nSeven/cd ./.\nEight/cd ./.';
    const { rows } = await rowsOf({ passage_words: 6 }, await corpus({ ca01: text }, 'ca01 news\n'));
    expect(rows.map((row) => row.text)).toEqual(['Four five six .', 'One two . Three .', 'Seven . Eight .']);
    const [, joined] = rows;
    expect(wordsOf(joined as (typeof rows)[number]).map(({ start, end }) => joined?.text.slice(start, end))).toEqual([
      'One',
      'two',
      '.',
      'Three',
      '.',
    ]);
  });

  it('says what is wrong', async () => {
    const run = (path: string) => rowsOf({}, path).catch((error: Error) => error.message);
    expect(await run(await corpus({}, CATS))).toContain('cannot read');
    expect(await run(await corpus({ ca01: 'the/at jury\n' }, 'ca01 news\n'))).toContain(
      'ca01:1: "jury" is no word with a tag',
    );
    expect(await run(await temporaryFolder())).toContain('no file');
  });
});

/** As the table at https://github.com/slavpetrov/universal-pos-tags has them; all others of the corpus were compared. */
it.each([
  ['NOUN', 'nn nn$-tl nps$ np-tl-hl nr$ pn$ cd$ nn+in'],
  ['VERB', 'vb vbn-tl-nc bedz* ber*-nc dod*-tl hvg-hl md* md+ppss vb+ppo hv+to'],
  ['PRON', 'pps ppss-nc ppo-tl ppls pp$$ wps-hl wpo'],
  ['ADJ', 'jj-tl jjr+cs jjt ap ap+ap-nc od-hl'],
  ['ADV', 'rb rbr+cs rn ql qlp wrb wql-tl * *-hl'],
  ['ADP', 'in-tl-hl in+ppo cs-nc'],
  ['CONJ', 'cc-tl'],
  ['DET', 'at dti dtx dt$ abx pp$ wdt-nc wp$'],
  ['NUM', 'cd-tl-hl'],
  [
    'PRT',
    'abl abn-tl ap$ jj$-tl rb$ ex+bez rp+in to uh np+hvz pps+md ppss+bez* wdt+dod wrb+in wrb+dod* dts+bez nns+md',
  ],
  ['X', 'fw-nn-tl fw-in+at-t fw-* nil do+ppss wdt+ber+pp wdt+do+pps'],
  ['.', ". .-hl , -- ---hl `` '' ' ( )-hl :-tl"],
])('%s of Brown’s tags', (universal, tags) => {
  for (const tag of tags.split(' ')) expect(universalTag(tag), tag).toBe(universal);
});

it('takes off what says where a word stands, and nothing else', () => {
  const plain = ['nn-tl-hl', 'fw-in+at-t', '--', '---hl', '.-hl', 'ppss+ber-n', '*-nc'].map(plainTag);
  expect(plain).toEqual(['nn', 'fw-in+at', '--', '--', '.', 'ppss+ber', '*']);
});
