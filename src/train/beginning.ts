import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { describeTransformer } from '../models/checkpoint.js';
import { initialize, type Parameters } from '../models/initialize.js';
import { startFrom } from '../models/start.js';
import type { Albert, Bert, DistilBert, Gpt2, Llama, Pretrained, Roberta, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { modelProblems } from './model-problems.js';
import { readingPairs } from './pairs.js';
import type { Task } from './tasks/index.js';

/** A transformer that a recipe describes. */
export type Scratch = Bert | DistilBert | Roberta | Albert | Gpt2 | Llama;

/** A model before its first update, and how texts become its tokens. */
export interface Beginning {
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  readonly tokenizer: TextTokenizer;
  readonly tokenizerFolder: string;
}

/**
 * The model that the options describe: drawn, or another one's.
 * @throws StepFailure if it cannot do the task, or an input that it needs is not there
 */
export const beginningOf = async (
  ctx: StepContext<TrainOptions>,
  model: Scratch | Pretrained,
  task: Task,
): Promise<Beginning> => {
  const made = await (model.type === 'pretrained' ? pretrained(ctx, model, task) : scratch(ctx, model, task));
  return task.pairs ? { ...made, config: readingPairs(made.config) } : made;
};

export const cannotWrite = (type: string): StepFailure =>
  new StepFailure(
    'task',
    `a ${type} model reads texts and writes none, so it cannot be trained for task "generation"`,
    'Take a gpt2 or a llama, or set task: classification.',
  );

/** @throws StepFailure if the architecture has no head for the task */
function checkHead(type: string, head: Task['head']): void {
  const architecture = architectureOf({ type });
  if (head === 'language-model' && !architecture.decoder) throw cannotWrite(type);
  if (head === 'masked-language-model' && !architecture.masked) {
    throw new StepFailure(
      'task',
      `a ${type} model tells no hidden tokens, so it cannot be trained for task "${head}"`,
      'Take a bert, a distilbert, a roberta or an albert.',
    );
  }
  if (head !== 'token-classifier' || architecture.labelsTokens) return;
  throw new StepFailure(
    'task',
    `a ${type} model reads from left to right and labels no words, so it cannot be trained for task "tagging"`,
    'Take a bert, a distilbert, a roberta or an albert.',
  );
}

async function scratch(ctx: StepContext<TrainOptions>, model: Scratch, { head, labels }: Task): Promise<Beginning> {
  const tokenizerFolder = ctx.optionalInput('tokenizer')?.path;
  if (ctx.optionalInput('init')) {
    const hint = 'Write model: { type: pretrained }, or leave "init" out.';
    throw new StepFailure('not-used', `a ${model.type} model from scratch takes no "init"`, hint);
  }
  if (!tokenizerFolder) {
    const hint = 'Give it the output of a train-tokenizer step.';
    throw new StepFailure('no-tokenizer', `a ${model.type} model needs the input "tokenizer"`, hint);
  }
  const kvHeads = ('kv_heads' in model && model.kv_heads) || model.heads;
  // A recipe's own are seen when it is read; a designed student comes this way alone.
  const [problem] = modelProblems({ model });
  if (problem) throw new StepFailure('model', problem.message, problem.hint);
  const tokenizer = await loadTokenizer(tokenizerFolder);
  const architecture = architectureOf(model);
  const writes = head === 'language-model';
  checkHead(model.type, head);
  const shape = architecture.scratch({
    type: model.type,
    vocabulary: tokenizer.vocabularySize,
    layers: model.layers,
    hidden: model.hidden,
    heads: model.heads,
    kvHeads,
    ...('groups' in model && { groups: model.groups }),
    ...('embedding' in model && { embedding: model.embedding }),
    intermediate: model.intermediate ?? 4 * model.hidden,
    maxLength: model.max_length,
    head,
    labels: labels.length,
    dropout: model.dropout,
    padId: tokenizer.padId,
  });
  const config = writes ? { ...shape, eosId: endOf(shape, tokenizer) } : shape;
  return { config, parameters: initialize(architecture.parameters(config), ctx.seed), tokenizer, tokenizerFolder };
}

async function pretrained(
  ctx: StepContext<TrainOptions>,
  model: Pretrained,
  { head, labels }: Task,
): Promise<Beginning> {
  const folder = ctx.optionalInput('init')?.path;
  if (!folder) {
    const hint = 'Give it the output of an import-model or a train step.';
    throw new StepFailure('no-init', 'a pretrained model needs the input "init": what to start from', hint);
  }
  if (ctx.optionalInput('tokenizer')) {
    throw new StepFailure(
      'not-used',
      'a pretrained model has its own tokenizer and takes no "tokenizer"',
      'Leave it out.',
    );
  }
  const tokenizer = await loadTokenizer(folder);
  const { layers, max_length: maxLength, dropout } = model;
  checkHead((await describeTransformer(folder)).config.type, head);
  const started = await startFrom(folder, { head, labels, layers, maxLength, dropout, seed: ctx.seed });
  const { parameters } = started;
  const writes = head === 'language-model';
  const config = writes ? { ...started.config, eosId: endOf(started.config, tokenizer) } : started.config;
  if (tokenizer.vocabularySize > config.vocabulary) {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer of "init" has ${tokenizer.vocabularySize} tokens, but its model has embeddings for ${config.vocabulary}`,
    );
  }
  return { config, parameters, tokenizer, tokenizerFolder: folder };
}

/** The token with which a model is to end what it writes. */
function endOf({ eosId }: TransformerConfig, { endId }: TextTokenizer): number {
  const id = eosId ?? endId;
  if (id !== null) return id;
  throw new StepFailure(
    'no-end',
    'the tokenizer has no token that ends a text, so a model could not learn to stop',
    'Train the tokenizer with type: byte-bpe.',
  );
}
