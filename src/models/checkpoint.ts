import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { writeSafetensors } from '../util/safetensors.js';
import type { Architecture, Head, PlacedSpec, TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import { hasLabels, headOfProblem, problemType } from './heads.js';
import type { Parameters } from './initialize.js';
import { type Similarity, writeSentenceEncoder } from './sentence-encoder.js';
import { Weights } from './weights.js';

/** Files of a tokenizer that go with a model where they are there, so that its folder is complete in itself. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
];
const WEIGHTS = 'model.safetensors';
const TOKENIZER_CONFIG = 'tokenizer_config.json';
const RECIPE = 'recipe.json';
/** What `recipe.json` says under `reads` of a model that compares two texts. */
const PAIRS = 'pairs';
const CHAT_TEMPLATE = 'chat_template.jinja';

/** How many rows a model was trained on, and how many of them had a real label. */
export interface TrainedOn {
  readonly rows: number;
  readonly labelled: number;
  /** Rows that a model wrote; absent where there are none. */
  readonly synthetic?: number;
}

/** How a language model was asked for what it writes. */
export interface WrittenFrom {
  /** A template over a row's fields. */
  readonly prompt: string;
  /** The same as a chat template, where a text is all that it takes. */
  readonly chat: string | undefined;
}

/** A transformer in memory. */
export interface TransformerModel {
  readonly config: TransformerConfig;
  /** Order of the logits; of a regression one, the name of its score; none where there is no head or it writes. */
  readonly labels: readonly string[];
  readonly parameters: Parameters;
}

/** Number of trainable numbers, embeddings included. */
export const countParameters = (parameters: Parameters): number =>
  Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0);

/**
 * Writes a model as Hugging Face has it, with its tokenizer, so that transformers loads the folder; `recipe.json` beside
 * it is ours.
 *
 * @param tokenizer folder of the tokenizer, or of a model that has it
 * @param written of a language model: how a text becomes a prompt
 * @param similarity of a model that compares texts by their vectors
 */
export async function saveTransformer(
  folder: string,
  model: TransformerModel,
  tokenizer: string,
  trainedOn: TrainedOn,
  written?: WrittenFrom,
  similarity?: Similarity,
): Promise<void> {
  const { config, labels, parameters } = model;
  const { type, className, toHuggingFace } = architectureOf(config);
  await writeJson(join(folder, 'config.json'), {
    architectures: [className(config)],
    model_type: type,
    ...toHuggingFace(config),
    torch_dtype: 'float32',
    ...(hasLabels(config.head) && {
      problem_type: problemType(config.head),
      id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    }),
  });
  const tensors = Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }]);
  await writeSafetensors(join(folder, WEIGHTS), Object.fromEntries(tensors), { format: 'pt' });
  for (const file of TOKENIZER_FILES) {
    const from = join(tokenizer, file);
    if (await stat(from).then(Boolean, () => false)) await copyFile(from, join(folder, file));
  }
  if (written?.chat !== undefined) await writeFile(join(folder, CHAT_TEMPLATE), written.chat);
  // Whoever loads the folder is to read as much of a text as this model did.
  const known = (await readJson(join(tokenizer, TOKENIZER_CONFIG))) ?? {};
  await writeJson(join(folder, TOKENIZER_CONFIG), { ...known, model_max_length: config.maxLength });
  await writeJson(join(folder, RECIPE), {
    type,
    labels,
    parameters: countParameters(parameters),
    trained_on: trainedOn,
    ...(config.pairs && { reads: PAIRS }),
    ...(written && { prompt: written.prompt }),
    ...(similarity && { similarity }),
  });
  if (similarity) await writeSentenceEncoder(folder, config.hidden, config.maxLength);
}

/** A folder's `config.json`, and how much of a text its tokenizer reads. */
export interface Described {
  readonly config: TransformerConfig;
  readonly labels: readonly string[];
}

/**
 * What a folder in Hugging Face's layout says of its model.
 * @throws StepFailure if it holds no model that we know
 */
export async function describeTransformer(folder: string): Promise<Described> {
  const file = join(folder, 'config.json');
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new StepFailure('no-model', `cannot read a model from ${file}: ${(error as Error).message}`);
  }
  const architecture = architectureOf({ type: json.model_type as string });
  const head = headOf(json, architecture, file);
  const labels = hasLabels(head) ? labelsOf(json) : [];
  const config = architecture.fromHuggingFace(json, head, labels.length);
  if (config.hidden % config.heads !== 0 && !('headWidth' in config)) {
    throw new StepFailure(
      'unsupported-model',
      `${file}: hidden size ${config.hidden} is no multiple of ${config.heads}`,
    );
  }
  const { reads } = (await readJson(join(folder, RECIPE))) ?? {};
  const limits = await Promise.all([
    readJson(join(folder, TOKENIZER_CONFIG)).then((found) => found?.model_max_length),
    readJson(join(folder, 'sentence_bert_config.json')).then((found) => found?.max_seq_length),
  ]);
  const read = limits.filter((limit): limit is number => typeof limit === 'number' && limit > 0);
  const maxLength = Math.min(config.positions, ...read);
  return { config: { ...config, maxLength, ...(reads === PAIRS && { pairs: true as const }) }, labels };
}

function headOf(json: Readonly<Record<string, unknown>>, { masked }: Architecture, file: string): Head {
  const [name] = [json.architectures].flat();
  const ofTexts = (): Head => headOfProblem(json.problem_type, labelsOf(json).length, file);
  if (typeof name !== 'string') return json.id2label === undefined ? 'none' : ofTexts();
  if (name.endsWith('ForSequenceClassification')) return ofTexts();
  if (name.endsWith('ForTokenClassification')) return 'token-classifier';
  if (name.endsWith('ForMaskedLM') && masked) return 'masked-language-model';
  return /(LMHeadModel|ForCausalLM)$/.test(name) ? 'language-model' : 'none';
}

function labelsOf(json: Readonly<Record<string, unknown>>): string[] {
  // transformers leaves out the names that it gives to two labels by itself.
  return Object.entries((json.id2label ?? { 0: 'LABEL_0', 1: 'LABEL_1' }) as Record<string, string>)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => label);
}

/**
 * Loads a model with the head that it was saved with.
 * @throws StepFailure if the folder holds no model that we know, or its weights are not those of its configuration
 */
export async function loadTransformer(folder: string): Promise<TransformerModel> {
  const { config, labels } = await describeTransformer(folder);
  return { config, labels, parameters: await readParameters(folder, config, new Set()) };
}

/**
 * Reads a model's weights.
 *
 * @param absent parts that may be absent or of another shape, and are then left out
 * @throws StepFailure if another is
 */
export async function readParameters(
  folder: string,
  config: TransformerConfig,
  absent: ReadonlySet<PlacedSpec['part']>,
): Promise<Parameters> {
  const architecture = architectureOf(config);
  const weights = await Weights.open(folder);
  try {
    const parameters: Parameters = {};
    for (const [name, { shape, part }] of Object.entries(architecture.parameters(config))) {
      const stored = namesOf(name, architecture).find((candidate) => weights.shape(candidate));
      const found = stored === undefined ? undefined : weights.shape(stored);
      if (stored && found?.join() === shape.join()) {
        parameters[name] = { dtype: 'float32', shape, data: await weights.read(stored) };
      } else if (!absent.has(part)) {
        const how = found ? `has shape [${found}]` : 'is missing';
        throw new StepFailure('weights', `the weights in ${folder}: tensor "${name}" of shape [${shape}] ${how}`);
      }
    }
    return parameters;
  } finally {
    await weights.close();
  }
}

/** Names that a parameter may be saved under: a model without a head has no prefix, old ones have gamma and beta. */
function namesOf(name: string, { prefix }: Architecture): string[] {
  const names = name.startsWith(prefix) ? [name, name.slice(prefix.length)] : [name];
  const old = (n: string): string =>
    n.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
  return [...new Set([...names, ...names.map(old)])];
}

async function readJson(file: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
