import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import type { TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';
import type { Parameters } from './initialize.js';

/** Files of a tokenizer artifact that go with a model, so that its folder is complete in itself. */
export const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'special_tokens_map.json'];
const WEIGHTS = 'model.safetensors';

/** How many rows a model was trained on, and how many of them had a real label. */
export interface TrainedOn {
  readonly rows: number;
  readonly labelled: number;
}

/** A transformer that classifies texts. */
export interface TransformerModel {
  readonly config: TransformerConfig;
  /** Order of the logits. */
  readonly labels: readonly string[];
  readonly parameters: Parameters;
}

/** Number of trainable numbers, embeddings included. */
export const countParameters = (parameters: Parameters): number =>
  Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0);

/**
 * Writes a model as Hugging Face's `…ForSequenceClassification` has it, with its tokenizer, so that transformers
 * loads the folder; `recipe.json` beside it is ours.
 *
 * @param tokenizer folder of the tokenizer artifact
 */
export async function saveTransformer(
  folder: string,
  model: TransformerModel,
  tokenizer: string,
  trainedOn: TrainedOn,
): Promise<void> {
  const { config, labels, parameters } = model;
  const { type, className, toHuggingFace } = architectureOf(config);
  await writeJson(join(folder, 'config.json'), {
    architectures: [className],
    model_type: type,
    ...toHuggingFace(config),
    torch_dtype: 'float32',
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  });
  const tensors = Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }]);
  await writeSafetensors(join(folder, WEIGHTS), Object.fromEntries(tensors), { format: 'pt' });
  for (const file of TOKENIZER_FILES) await copyFile(join(tokenizer, file), join(folder, file));
  await writeJson(join(folder, 'recipe.json'), {
    type,
    labels,
    parameters: countParameters(parameters),
    trained_on: trainedOn,
  });
}

/** @throws StepFailure if the folder holds no model that we know, or its weights are not those of its configuration */
export async function loadTransformer(folder: string): Promise<TransformerModel> {
  const file = join(folder, 'config.json');
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new StepFailure('no-model', `cannot read a model from ${file}: ${(error as Error).message}`);
  }
  const architecture = architectureOf({ type: json.model_type as string });
  if (json.id2label === undefined) {
    const hint = 'It may be a base model, which has no classification head.';
    throw new StepFailure('no-labels', `${file} names no labels (id2label): it is no classifier`, hint);
  }
  const labels = Object.entries(json.id2label as Record<string, string>)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => label);
  const config = architecture.fromHuggingFace(json, labels.length);
  const { tensors } = await readSafetensors(join(folder, WEIGHTS));
  const parameters: Parameters = {};
  for (const [name, { shape }] of Object.entries(architecture.parameters(config))) {
    const tensor = tensors[name];
    if (!tensor || tensor.shape.join() !== shape.join()) {
      const found = tensor ? `has shape [${tensor.shape}]` : 'is missing';
      throw new StepFailure('weights', `${join(folder, WEIGHTS)}: tensor "${name}" of shape [${shape}] ${found}`);
    }
    parameters[name] = { dtype: 'float32', shape, data: tensor.data };
  }
  return { config, labels, parameters };
}

/** Bytes of the weights on disk. */
export const weightBytes = async (folder: string): Promise<number> => (await stat(join(folder, WEIGHTS))).size;

const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
