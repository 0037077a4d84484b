import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How the cosine of two texts becomes the logit of their belonging together: scale · cosine + bias. */
export interface Similarity {
  readonly scale: number;
  readonly bias: number;
}

/** What `recipe.json` says of a model, as far as comparing texts goes. */
interface Recipe {
  readonly type: string;
  readonly labels: readonly string[];
  readonly similarity?: Similarity;
}

/** What a model artifact says of itself. */
export const recipeOf = async (folder: string): Promise<Recipe> =>
  JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as Recipe;

/** Whether a model artifact compares two texts by their vectors. */
export const isBiEncoder = async (folder: string): Promise<boolean> =>
  (await recipeOf(folder)).similarity !== undefined;

/**
 * Writes beside a transformer's files what sentence-transformers reads: the model, the mean over its tokens, and that
 * vectors are compared by their cosine.
 */
export async function writeSentenceEncoder(folder: string, hidden: number, maxLength: number): Promise<void> {
  const write = (file: string, value: unknown): Promise<void> =>
    writeFile(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
  await mkdir(join(folder, POOLING));
  await write('modules.json', [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
    { idx: 1, name: '1', path: POOLING, type: 'sentence_transformers.models.Pooling' },
  ]);
  await write(`${POOLING}/config.json`, {
    word_embedding_dimension: hidden,
    pooling_mode_cls_token: false,
    pooling_mode_mean_tokens: true,
    pooling_mode_max_tokens: false,
    pooling_mode_mean_sqrt_len_tokens: false,
  });
  await write('sentence_bert_config.json', { max_seq_length: maxLength, do_lower_case: false });
  await write('config_sentence_transformers.json', { similarity_fn_name: 'cosine' });
}

const POOLING = '1_Pooling';
