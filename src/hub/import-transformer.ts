import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeTokenizer } from '../data/legacy-tokenizer.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import { architectureOf } from '../models/architectures.js';
import { describeTransformer, readParameters, TOKENIZER_FILES } from '../models/checkpoint.js';
import { weightFiles } from '../models/weights.js';
import type { ImportModelOptions } from '../options/import-model.js';
import { StepFailure } from '../util/failure.js';
import { isHubReference, parseHubReference } from './reference.js';
import { fetchSnapshot } from './snapshot.js';

/** What is read of a model's folder, and of a repository: weights in another format are not fetched. */
const SETTINGS = [
  'config.json',
  'generation_config.json',
  ...['sentence_bert_config.json', 'modules.json', '1_Pooling/config.json'], // how embeddings are made
  ...TOKENIZER_FILES,
];
const isWanted = (path: string): boolean =>
  SETTINGS.includes(path) || /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/.test(path);

/**
 * Takes a model in Hugging Face's layout.
 * @param model a folder, or `hf:…`
 */
export async function importTransformer(ctx: StepContext<ImportModelOptions>, model: string): Promise<void> {
  const { folder, source } = isHubReference(model)
    ? await fromHub(ctx, model)
    : { folder: model, source: { folder: true } };
  const output = await ctx.output('model');
  const { config, labels } = await describeTransformer(folder);
  const { index, files } = await weightFiles(folder);
  const plain = SETTINGS.filter((file) => file !== 'tokenizer.json');
  for (const file of [...plain, ...(index ? ['model.safetensors.index.json'] : []), ...files]) {
    if (!(await stat(join(folder, file)).then(Boolean, () => false))) continue;
    await mkdir(dirname(join(output, file)), { recursive: true });
    // A clone of the bytes where the file system can, so that a large model is not on the disk twice.
    await copyFile(join(folder, file), join(output, file), constants.COPYFILE_FICLONE);
    ctx.signal.throwIfAborted();
  }
  await writeTokenizer(folder, config.type, join(output, 'tokenizer.json'));
  await checkTokenizer(output, config.vocabulary);
  const parameters = await countWeights(output, config);
  const known = await readFile(join(folder, 'recipe.json'), 'utf8').then(
    (text) => JSON.parse(text) as object,
    () => ({}),
  );
  const about = { ...known, type: config.type, labels, parameters, source };
  await writeFile(join(output, 'recipe.json'), `${JSON.stringify(about, null, 2)}\n`);
  const list = labels.join(', ');
  const head = {
    none: 'no head',
    embedding: 'no head',
    classifier: `labels ${list}`,
    'multi-label': `any of the labels ${list}`,
    regression: 'a score',
    'token-classifier': `tags ${list}`,
    'language-model': 'a language model',
    'masked-language-model': 'a masked language model',
  };
  ctx.log(
    'info',
    `${config.type}, ${config.layers} layers of ${config.hidden}, ${(parameters / 1e6).toFixed(1)} M parameters, ${head[config.head]}`,
  );
}

async function fromHub(ctx: StepContext<ImportModelOptions>, text: string) {
  const reference = parseHubReference(text);
  const home = ctx.variable('HF_HOME') ?? join(homedir(), '.cache', 'huggingface');
  const { commit, folder, offline } = await fetchSnapshot(reference, {
    cache: ctx.variable('HF_HUB_CACHE') ?? join(home, 'hub'),
    endpoint: ctx.variable('HF_ENDPOINT'),
    token: ctx.variable('HF_TOKEN'),
    wanted: isWanted,
    signal: ctx.signal,
    onProgress: (done, total) => ctx.progress({ done, total, unit: 'bytes', phase: 'downloading' }),
  });
  const { repository, revision } = reference;
  if (offline) ctx.log('warning', `the Hub cannot be reached: ${revision} is taken as the cache knows it, ${commit}`);
  if (revision !== commit) ctx.log('info', `${revision} is commit ${commit}: hf:${repository}@${commit} pins it`);
  return { folder, source: { repository, commit } };
}

async function checkTokenizer(folder: string, vocabulary: number): Promise<void> {
  const tokenizer = await loadTokenizer(folder);
  if (tokenizer.vocabularySize > vocabulary) {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer has ${tokenizer.vocabularySize} tokens, but the model has embeddings for ${vocabulary}`,
      'The folder holds a tokenizer of another model.',
    );
  }
}

/** Reads every weight once, so that a folder that is damaged or of another shape fails here and not hours later. */
async function countWeights(folder: string, config: Parameters<typeof readParameters>[1]): Promise<number> {
  const head = new Set(['head'] as const);
  const optional = config.head === 'none' ? head : new Set<never>();
  const parameters = await readParameters(folder, config, optional);
  const specs = Object.entries(architectureOf(config).parameters(config));
  return specs.reduce((sum, [name]) => sum + (parameters[name]?.data.length ?? 0), 0);
}
