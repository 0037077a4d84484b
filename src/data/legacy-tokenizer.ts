import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from 'tokenizers';
import { StepFailure } from '../util/failure.js';
import { LONGEST_WORD } from './wordpiece.js';

const exists = (file: string): Promise<boolean> => stat(file).then(Boolean, () => false);

interface OldConfig {
  readonly do_lower_case?: boolean;
  readonly tokenize_chinese_chars?: boolean;
  readonly strip_accents?: boolean | null;
  readonly add_prefix_space?: boolean;
}

/**
 * Writes a folder's `tokenizer.json`, or, where an older folder has none, one made of its `vocab.txt` (WordPiece, as BERT
 * has it) or its `vocab.json` and `merges.txt` (byte-level BPE, as GPT-2 and RoBERTa have it).
 *
 * @param model `model_type` of the folder's model
 * @param to file to write
 * @throws StepFailure if there is none of these
 */
export async function writeTokenizer(folder: string, model: string, to: string): Promise<void> {
  const file = join(folder, 'tokenizer.json');
  if (await exists(file)) return copyFile(file, to);
  if (await exists(join(folder, 'vocab.txt'))) return (await wordPiece(folder)).save(to);
  if (await exists(join(folder, 'merges.txt'))) {
    (await bytePairs(folder, model === 'roberta')).save(to);
    // The package has no name for this decoder.
    const json = JSON.parse(await readFile(to, 'utf8')) as object;
    const decoder = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
    return writeFile(to, JSON.stringify({ ...json, decoder }));
  }
  const hint = (await exists(join(folder, 'tokenizer.model')))
    ? 'Its tokenizer.model is SentencePiece: load and save the tokenizer once with transformers, which writes tokenizer.json.'
    : undefined;
  throw new StepFailure('no-tokenizer', `${folder} has no tokenizer.json, vocab.txt or merges.txt`, hint);
}

async function oldConfig(folder: string): Promise<OldConfig> {
  const file = join(folder, 'tokenizer_config.json');
  return (await exists(file)) ? (JSON.parse(await readFile(file, 'utf8')) as OldConfig) : {};
}

async function wordPiece(folder: string): Promise<Tokenizer> {
  const { WordPiece, Tokenizer, bertNormalizer, bertPreTokenizer, bertProcessing, wordPieceDecoder } = await import(
    'tokenizers'
  );
  const config = await oldConfig(folder);
  const model = await WordPiece.fromFile(join(folder, 'vocab.txt'), {
    unkToken: '[UNK]',
    continuingSubwordPrefix: '##',
    maxInputCharsPerWord: LONGEST_WORD,
  });
  const tokenizer = new Tokenizer(model);
  const lowercase = config.do_lower_case ?? true;
  const accents = config.strip_accents ?? undefined;
  tokenizer.setNormalizer(
    bertNormalizer({
      lowercase,
      handleChineseChars: config.tokenize_chinese_chars ?? true,
      ...(accents !== undefined && { stripAccents: accents }),
    }),
  );
  tokenizer.setPreTokenizer(bertPreTokenizer());
  const id = (token: string): number => idOf(tokenizer, token, 'vocab.txt');
  tokenizer.setPostProcessor(bertProcessing(['[SEP]', id('[SEP]')], ['[CLS]', id('[CLS]')]));
  tokenizer.setDecoder(wordPieceDecoder('##', true));
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  tokenizer.addSpecialTokens(special.filter((token) => tokenizer.tokenToId(token) !== null));
  return tokenizer;
}

async function bytePairs(folder: string, roberta: boolean): Promise<Tokenizer> {
  const { BPE, Tokenizer, byteLevelPreTokenizer, byteLevelProcessing, robertaProcessing } = await import('tokenizers');
  const { add_prefix_space: prefix = false } = await oldConfig(folder);
  const model = await BPE.fromFile(join(folder, 'vocab.json'), join(folder, 'merges.txt'));
  const tokenizer = new Tokenizer(model);
  tokenizer.setPreTokenizer(byteLevelPreTokenizer(prefix));
  const id = (token: string): number => idOf(tokenizer, token, 'vocab.json');
  if (roberta) {
    tokenizer.setPostProcessor(robertaProcessing(['</s>', id('</s>')], ['<s>', id('<s>')], true, prefix));
    tokenizer.addSpecialTokens(['<s>', '<pad>', '</s>', '<unk>']);
  } else {
    tokenizer.setPostProcessor(byteLevelProcessing(false));
    tokenizer.addSpecialTokens(['<|endoftext|>']);
  }
  return tokenizer;
}

function idOf(tokenizer: Tokenizer, token: string, file: string): number {
  const id = tokenizer.tokenToId(token);
  if (id === null) throw new StepFailure('corrupt-tokenizer', `${file} has no ${token}`);
  return id;
}
