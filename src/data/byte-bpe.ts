import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteLevelAlphabet, byteLevelPreTokenizer } from 'tokenizers';

import { writeTokenizer } from './legacy-tokenizer.js';
import { learnMerges, type Merges, type Spelt } from './merges.js';
import type { Reporter } from './sources/source.js';
import { countRuns } from './word-runs.js';

/** Ends a text, fills up batches, and stands for what is unknown, which nothing is. */
export const END_OF_TEXT = '<|endoftext|>';
const NAMES = { bos_token: END_OF_TEXT, eos_token: END_OF_TEXT, unk_token: END_OF_TEXT, pad_token: END_OF_TEXT };
/** GPT-2's longest input; nothing here depends on it, but Hugging Face's tokenizers name one. */
const MODEL_MAX_LENGTH = 1024;
/** What GPT-2's pre-tokenizer never joins: of several spaces the last belongs to the word behind it. */
const RUN = /\s+(?!\S)|\s?\S+/gu;

/**
 * Learns merges of bytes, each written as one character, as GPT-2's tokenizer has them (Radford et al. 2019).
 *
 * @param words how often each word occurs, its bytes as the pre-tokenizer writes them; order does not matter
 * @param size pieces wanted, the 256 bytes included
 */
export function learnBytePairs(words: ReadonlyMap<string, number>, size: number): Merges {
  const alphabet = byteLevelAlphabet().sort();
  const ids = new Map(alphabet.map((byte, id) => [byte, id]));
  const spelt = [...words]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]): Spelt => ({ spelling: Array.from(word, (byte) => ids.get(byte) as number), count }));
  return learnMerges(alphabet, spelt, size, (left, right) => left + right);
}

/**
 * Learns a byte-level BPE tokenizer from a dataset's texts and responses and writes it as Hugging Face does:
 * `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`, `vocab.json`, `merges.txt`. It can write any
 * text, and reads back what it wrote. The same texts give the same bytes.
 *
 * @param vocabulary entries, `<|endoftext|>` (number 0) and the 256 bytes included
 * @param data folders of datasets
 * @param output existing folder
 * @throws StepFailure `no-rows`, `corrupt-dataset`
 */
export async function trainByteBpe(
  vocabulary: number,
  data: readonly string[],
  output: string,
  report: Reporter,
): Promise<void> {
  const words = await countWords(data, report);
  const { pieces, pairs } = learnBytePairs(words, vocabulary - 1);
  const entries = [END_OF_TEXT, ...pieces];
  report.log('info', `${entries.length} pieces from ${words.size} different words; every text can be written`);
  if (entries.length < vocabulary) {
    const why = 'the texts have no more pairs that repeat';
    report.log('warning', `the vocabulary has ${entries.length} entries, not ${vocabulary}: ${why}`);
  }
  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  await writeFile(
    join(output, 'vocab.json'),
    JSON.stringify(Object.fromEntries(entries.map((piece, id) => [piece, id]))),
  );
  const lines = pairs.map(([left, right]) => `${pieces[left]} ${pieces[right]}\n`);
  await writeFile(join(output, 'merges.txt'), `#version: 0.2\n${lines.join('')}`);
  await writeFile(join(output, 'special_tokens_map.json'), json(NAMES));
  await writeFile(
    join(output, 'tokenizer_config.json'),
    json({
      tokenizer_class: 'GPT2Tokenizer',
      add_prefix_space: false,
      clean_up_tokenization_spaces: false,
      model_max_length: MODEL_MAX_LENGTH,
      ...NAMES,
    }),
  );
  await writeTokenizer(output, 'gpt2', join(output, 'tokenizer.json'));
}

/** How often each word occurs, its bytes as characters. */
async function countWords(data: readonly string[], report: Reporter): Promise<Map<string, number>> {
  const runs = await countRuns(
    data,
    ({ text, responses = [] }) => [text, ...responses].flatMap((written) => written.match(RUN) ?? []),
    report,
  );
  const preTokenizer = byteLevelPreTokenizer(false);
  const words = new Map<string, number>();
  for (const [run, count] of runs) {
    for (const [word] of preTokenizer.preTokenizeString(run)) words.set(word, (words.get(word) ?? 0) + count);
  }
  return words;
}
