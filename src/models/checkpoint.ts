import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import { type BertConfig, bert } from './bert.js';
import type { Parameters } from './initialize.js';

/** Files of a tokenizer artifact that go with a model, so that its folder is complete in itself. */
export const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'special_tokens_map.json'];
const WEIGHTS = 'model.safetensors';

/** How many rows a model was trained on, and how many of them had a real label. */
export interface TrainedOn {
  readonly rows: number;
  readonly labelled: number;
}

export interface BertModel {
  readonly config: BertConfig;
  /** Order of the logits. */
  readonly labels: readonly string[];
  readonly parameters: Parameters;
}

/** Number of trainable numbers, embeddings included. */
export const countParameters = (parameters: Parameters): number =>
  Object.values(parameters).reduce((sum, { data }) => sum + data.length, 0);

/**
 * Writes a model as Hugging Face's `BertForSequenceClassification` has it, with its tokenizer, so that transformers
 * and transformers.js load the folder; `recipe.json` beside it is ours.
 *
 * @param tokenizer folder of the tokenizer artifact
 */
export async function saveBert(
  folder: string,
  model: BertModel,
  tokenizer: string,
  trainedOn: TrainedOn,
): Promise<void> {
  const { config, labels, parameters } = model;
  await writeJson(join(folder, 'config.json'), {
    architectures: ['BertForSequenceClassification'],
    model_type: 'bert',
    vocab_size: config.vocabulary,
    hidden_size: config.hidden,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediate,
    max_position_embeddings: config.maxLength,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.dropout,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    torch_dtype: 'float32',
    id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  });
  const tensors = Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }]);
  await writeSafetensors(join(folder, WEIGHTS), Object.fromEntries(tensors), { format: 'pt' });
  for (const file of TOKENIZER_FILES) await copyFile(join(tokenizer, file), join(folder, file));
  await writeJson(join(folder, 'recipe.json'), {
    type: 'bert',
    labels,
    parameters: countParameters(parameters),
    trained_on: trainedOn,
  });
}

/** @throws StepFailure if the folder holds no BERT model, or its weights are not those of its configuration */
export async function loadBert(folder: string): Promise<BertModel> {
  const file = join(folder, 'config.json');
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new StepFailure('no-model', `cannot read a model from ${file}: ${(error as Error).message}`);
  }
  if (json.model_type !== 'bert') {
    throw new StepFailure('not-bert', `${file} describes a model of type "${json.model_type}", not "bert"`);
  }
  const labels = Object.entries(json.id2label as Record<string, string>)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => label);
  const config: BertConfig = {
    vocabulary: json.vocab_size as number,
    hidden: json.hidden_size as number,
    layers: json.num_hidden_layers as number,
    heads: json.num_attention_heads as number,
    intermediate: json.intermediate_size as number,
    maxLength: json.max_position_embeddings as number,
    labels: labels.length,
    dropout: json.hidden_dropout_prob as number,
  };
  const { tensors } = await readSafetensors(join(folder, WEIGHTS));
  const parameters: Parameters = {};
  for (const [name, { shape }] of Object.entries(bert.parameters(config))) {
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
