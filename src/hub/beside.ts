import { constants } from 'node:fs';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeTokenizer } from '../data/legacy-tokenizer.js';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import { unigramTokenizer } from '../data/unigram.js';
import { TOKENIZER_FILES } from '../models/checkpoint.js';
import { StepFailure } from '../util/failure.js';

/** What goes with a graph: its tokenizer, its labels, how much of a text it reads. */

const TOKENIZER = 'tokenizer.json';

export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** A clone of the bytes where the file system can, so that a large model is not on the disk twice. */
export const clone = (from: string, to: string): Promise<void> => copyFile(from, to, constants.COPYFILE_FICLONE);

/**
 * Writes a tokenizer into an artifact's folder.
 *
 * @param from a folder, or a file: `tokenizer.json` or a unigram vocabulary
 * @throws StepFailure if there is none
 */
export async function takeTokenizer(from: string, to: string): Promise<TextTokenizer> {
  const target = join(to, TOKENIZER);
  if (await isFile(from)) {
    await writeFile(target, await tokenizerOf(from));
  } else {
    for (const file of TOKENIZER_FILES.filter((name) => name !== TOKENIZER)) {
      if (await isFile(join(from, file))) await clone(join(from, file), join(to, file));
    }
    const vocabulary = join(from, 'vocab.json');
    const other = await Promise.all([TOKENIZER, 'vocab.txt', 'merges.txt'].map((file) => isFile(join(from, file))));
    if (!other.includes(true) && (await isFile(vocabulary))) await writeFile(target, await tokenizerOf(vocabulary));
    else await writeTokenizer(from, String(await setting(from, 'config.json', 'model_type')), target);
  }
  return loadTokenizer(to);
}

/** The text of a `tokenizer.json`, as it is or made of a unigram vocabulary. */
async function tokenizerOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  const json = parsed(text);
  if (json === undefined) throw new StepFailure('corrupt-tokenizer', `${file} is not JSON`);
  return Array.isArray(json) ? unigramTokenizer(json, file) : text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function setting(folder: string, file: string, name: string): Promise<unknown> {
  const text = await readFile(join(folder, file), 'utf8').catch(() => '{}');
  return (parsed(text) as Record<string, unknown> | null | undefined)?.[name];
}

/** `id2label` of a folder's `config.json`, in its order; undefined if it has none. */
export async function labelsBeside(folder: string): Promise<string[] | undefined> {
  const names = await setting(folder, 'config.json', 'id2label');
  if (typeof names !== 'object' || names === null) return undefined;
  return Object.entries(names)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => String(label));
}

/** A length that nobody means: transformers writes 10³⁰ where a tokenizer has no limit. */
const NO_LIMIT = 1_000_000;

/** The least length that some folders' settings name; undefined if none does. */
export async function lengthBeside(folders: readonly string[]): Promise<number | undefined> {
  const found = await Promise.all(
    folders.flatMap((folder) => [
      setting(folder, 'tokenizer_config.json', 'model_max_length'),
      setting(folder, 'config.json', 'max_position_embeddings'),
    ]),
  );
  const lengths = found.filter((limit): limit is number => typeof limit === 'number' && limit > 0 && limit < NO_LIMIT);
  return lengths.length === 0 ? undefined : Math.min(...lengths);
}
