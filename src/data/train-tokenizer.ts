import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bertNormalizer,
  bertPreTokenizer,
  bertProcessing,
  type PreTokenizer,
  Tokenizer,
  WordPiece,
  wordPieceDecoder,
} from 'tokenizers';
import { trainByteBpe } from './byte-bpe.js';
import type { Reporter } from './sources/source.js';
import { countRuns } from './word-runs.js';
import { CONTINUES, LONGEST_WORD, learnPieces } from './wordpiece.js';

export interface TokenizerOptions {
  readonly type: 'wordpiece' | 'byte-bpe';
  /** Entries, special tokens included. */
  readonly vocabulary: number;
  /** WordPiece only; default true. */
  readonly lowercase?: boolean;
}

/** Numbers 0 to 4, in this order. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
const NAMES = {
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  mask_token: '[MASK]',
};
/** BERT's longest input; nothing here depends on it, but Hugging Face's tokenizers name one. */
const MODEL_MAX_LENGTH = 512;

/**
 * Learns a tokenizer from datasets' texts and writes it as Hugging Face does.
 * @param data folders of datasets
 * @param output existing folder
 * @throws StepFailure `no-rows`, `corrupt-dataset`
 */
export async function trainTokenizer(
  { type, vocabulary, lowercase = true }: TokenizerOptions,
  data: readonly string[],
  output: string,
  report: Reporter,
): Promise<void> {
  if (type === 'byte-bpe') return trainByteBpe(vocabulary, data, output, report);
  return trainWordPiece(vocabulary, lowercase, data, output, report);
}

/**
 * Learns a BERT tokenizer from datasets' texts and writes it as Hugging Face does: `tokenizer.json`,
 * `tokenizer_config.json`, `special_tokens_map.json`, `vocab.txt`. The same texts give the same bytes.
 */
async function trainWordPiece(
  size: number,
  lowercase: boolean,
  data: readonly string[],
  output: string,
  report: Reporter,
): Promise<void> {
  const normalizer = bertNormalizer({ lowercase });
  const words = await countWords(data, (text) => normalizer.normalizeString(text), bertPreTokenizer(), report);
  const learnt = learnPieces(words, size - SPECIAL_TOKENS.length);
  const vocabulary = [...SPECIAL_TOKENS, ...learnt];
  logResult(words, learnt, size, report);

  const model = WordPiece.init(Object.fromEntries(vocabulary.map((piece, id) => [piece, id])), {
    unkToken: '[UNK]',
    continuingSubwordPrefix: CONTINUES,
    maxInputCharsPerWord: LONGEST_WORD,
  });
  const tokenizer = new Tokenizer(model);
  tokenizer.setNormalizer(normalizer);
  tokenizer.setPreTokenizer(bertPreTokenizer());
  tokenizer.setPostProcessor(bertProcessing(['[SEP]', 3], ['[CLS]', 2]));
  tokenizer.setDecoder(wordPieceDecoder(CONTINUES, true));
  tokenizer.addSpecialTokens([...SPECIAL_TOKENS]);
  tokenizer.save(join(output, 'tokenizer.json'), true);

  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  await writeFile(join(output, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  await writeFile(join(output, 'special_tokens_map.json'), json(NAMES));
  await writeFile(
    join(output, 'tokenizer_config.json'),
    json({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: lowercase,
      tokenize_chinese_chars: true,
      strip_accents: null,
      model_max_length: MODEL_MAX_LENGTH,
      ...NAMES,
    }),
  );
}

/** How often each word occurs, as BERT cuts texts into words. */
async function countWords(
  data: readonly string[],
  normalize: (text: string) => string,
  preTokenizer: PreTokenizer,
  report: Reporter,
): Promise<Map<string, number>> {
  const runs = await countRuns(data, ({ text }) => normalize(text).split(/\s+/).filter(Boolean), report);
  const words = new Map<string, number>();
  for (const [run, count] of runs) {
    for (const [word] of preTokenizer.preTokenizeString(run)) words.set(word, (words.get(word) ?? 0) + count);
  }
  return words;
}

function logResult(words: ReadonlyMap<string, number>, learnt: readonly string[], size: number, report: Reporter) {
  const known = new Set(learnt);
  let all = 0;
  let lost = 0;
  for (const [word, count] of words) {
    all += count;
    const spelt = Array.from(word, (character, i) => (i === 0 ? character : CONTINUES + character));
    if (word.length > LONGEST_WORD || !spelt.every((piece) => known.has(piece))) lost += count;
  }
  const total = learnt.length + SPECIAL_TOKENS.length;
  const share = ((100 * lost) / all).toFixed(2);
  report.log('info', `${total} pieces from ${words.size} different words; ${share} % of the words become [UNK]`);
  if (total < size) {
    report.log('warning', `the vocabulary has ${total} entries, not ${size}: the texts have no more pairs that repeat`);
  }
}
