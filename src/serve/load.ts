import { copyFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, createRunner } from '../backend/runner.js';
import { writeTokenizer } from '../data/legacy-tokenizer.js';
import { loadTokenizer } from '../data/tokenizer.js';
import { architectures } from '../models/architectures.js';
import { loadTransformer, TOKENIZER_FILES } from '../models/checkpoint.js';
import { loadPredictor } from '../models/index.js';
import { StepFailure } from '../util/failure.js';
import { languageModel } from './language-model.js';
import type { CallContext, LocalModel } from './protocol.js';
import { plainClassifier, textModel } from './text-model.js';

const exists = (file: string): Promise<boolean> => stat(file).then(Boolean, () => false);

/**
 * Loads the model of a folder, an artifact's or one in Hugging Face's layout, and lets it answer once: a backend that
 * cannot be used here shows only then.
 *
 * @param threads CPU threads that it may use
 * @param reproducible what is answered does not depend, in its last bits, on what else is asked meanwhile
 * @throws StepFailure if there is none, or none that we know
 */
export async function loadModel(
  folder: string,
  backend: Backend,
  threads: number,
  reproducible: boolean,
): Promise<LocalModel> {
  const model = await load(folder, backend, threads, reproducible);
  const context: CallContext = { signal: new AbortController().signal, piece: () => {} };
  const request = { prompt: [0], most: 1, temperature: 0, topP: 1, seed: 0, choice: 0, stop: [], top: null };
  const { generate, classify, embed } = model.operations;
  if (generate) await generate(request, context);
  else await (classify ?? embed)?.(['a'], context);
  return model;
}

async function load(folder: string, backend: Backend, threads: number, reproducible: boolean): Promise<LocalModel> {
  const type = await typeOf(folder);
  if (type !== undefined && !architectures.some((architecture) => architecture.type === type)) {
    return plainClassifier(await loadPredictor(folder, backend, threads), reproducible);
  }
  if (!(await exists(join(folder, 'config.json')))) {
    throw new StepFailure(
      'no-model',
      `${folder} holds no model: there is neither config.json nor a recipe.json that names one`,
      'Name the folder of a model: one that a recipe made (out/<recipe>/<output>), or one in the layout of Hugging Face.',
    );
  }
  const model = await loadTransformer(folder);
  if (model.config.pairs) {
    throw new StepFailure(
      'task',
      `the ${model.config.type} in ${folder} compares two texts, and a request holds texts that stand alone`,
      'Load it in transformers or sentence-transformers (CrossEncoder).',
    );
  }
  const tokenizer = await tokenizerFolder(folder, model.config.type);
  try {
    const { vocabularySize } = await loadTokenizer(tokenizer);
    if (vocabularySize > model.config.vocabulary) {
      throw new StepFailure(
        'vocabulary',
        `${folder}: the tokenizer has ${vocabularySize} tokens, but the model has embeddings for ${model.config.vocabulary}`,
        'The folder holds a tokenizer of another model.',
      );
    }
    const runner = await createRunner(backend, threads);
    const make = model.config.head === 'language-model' ? languageModel : textModel;
    return await make(folder, tokenizer, model, runner, reproducible);
  } finally {
    if (tokenizer !== folder) await rm(tokenizer, { recursive: true });
  }
}

/** The family that an artifact's `recipe.json` names; undefined where there is no such file. */
async function typeOf(folder: string): Promise<unknown> {
  const text = await readFile(join(folder, 'recipe.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type;
  } catch {
    throw new StepFailure('no-model', `${join(folder, 'recipe.json')} is not JSON`);
  }
}

/** Where `tokenizer.json` is: the folder itself, or a temporary one for a folder that has only the older files. */
async function tokenizerFolder(folder: string, type: string): Promise<string> {
  if (await exists(join(folder, 'tokenizer.json'))) return folder;
  const made = await mkdtemp(join(tmpdir(), 'recipe-serve-'));
  await writeTokenizer(folder, type, join(made, 'tokenizer.json'));
  for (const file of TOKENIZER_FILES.filter((name) => name !== 'tokenizer.json')) {
    if (await exists(join(folder, file))) await copyFile(join(folder, file), join(made, file));
  }
  return made;
}
