import { createRunner } from '../backend/runner.js';
import { type Row, readDataset } from '../data/dataset.js';
import { LogitsCache } from '../data/logits.js';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import type { Fit } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { describeTransformer, saveTransformer } from '../models/checkpoint.js';
import { initialize, type Parameters } from '../models/initialize.js';
import { startFrom } from '../models/start.js';
import type { Bert, DistilBert, Gpt2, Llama, Pretrained, Roberta, Stage, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { train } from './loop.js';
import { cannotCompare, readingPairs } from './pairs.js';
import { checkObjectives, checkStages, fitOf } from './preflight.js';
import { readState, saveState } from './saved-state.js';
import { type Task, taskOf } from './tasks/index.js';
import type { Metric } from './validate.js';
import { trainYardstick } from './yardstick.js';

const STATE = 'state';

/** A transformer that a recipe describes. */
type Scratch = Bert | DistilBert | Roberta | Gpt2 | Llama;

/** The `train` step. */
export async function run(ctx: StepContext<TrainOptions>): Promise<void> {
  const { info, rows } = await readDataset(ctx.input('data').path);
  const { model } = ctx.options;
  const task = taskOf(ctx, info);
  if (model.type === 'logistic') {
    if (task.head === 'language-model') throw cannotWrite(model.type);
    if (task.head !== 'classifier') throw onlyLabels(model.type, task.name);
    if (task.pairs) throw cannotCompare(model.type);
    return trainYardstick(ctx, model, info, rows);
  }
  return trainTransformer(ctx, model, task, rows);
}

const onlyLabels = (type: string, task: string): StepFailure =>
  new StepFailure(
    'task',
    `a ${type} model gives a text one of some labels, so it cannot be trained for task "${task}"`,
    'Take a bert, a distilbert or a roberta, or set task: classification.',
  );

/** @throws StepFailure if the architecture has no head for the task */
function checkHead(type: string, head: Task['head']): void {
  const architecture = architectureOf({ type });
  if (head === 'language-model' && !architecture.decoder) throw cannotWrite(type);
  if (head !== 'token-classifier' || architecture.labelsTokens) return;
  throw new StepFailure(
    'task',
    `a ${type} model reads from left to right and labels no words, so it cannot be trained for task "tagging"`,
    'Take a bert, a distilbert or a roberta.',
  );
}

const cannotWrite = (type: string): StepFailure =>
  new StepFailure(
    'task',
    `a ${type} model reads texts and writes none, so it cannot be trained for task "generation"`,
    'Take a gpt2 or a llama, or set task: classification.',
  );

async function trainTransformer(
  ctx: StepContext<TrainOptions>,
  model: Scratch | Pretrained,
  task: Task,
  rows: readonly Row[],
): Promise<void> {
  const { options } = ctx;
  const { backend } = options;
  const { labels } = task;
  const stages = options.stages?.map((stage): Stage => judgedBy(stage, task.metrics[0]));
  if (!stages) {
    const hint = 'Add for example stages: [{ objectives: [hard-label] }].';
    throw new StepFailure(
      'no-stages',
      `a ${model.type} model needs "stages": what to learn from, and for how long`,
      hint,
    );
  }
  const start = model.type === 'pretrained' ? await pretrained(ctx, model, task) : await scratch(ctx, model, task);
  const { tokenizerFolder, tokenizer } = start;
  const config = task.pairs ? readingPairs(start.config) : start.config;
  const teachers: LogitsCache[] = [];
  const runner = await createRunner(backend, ctx.threads);
  try {
    for (const { path } of ctx.inputList('teacher')) teachers.push(await LogitsCache.open(path, ctx.signal));
    const fits = teachers.map(({ index }) => fitOf(index, config, labels, tokenizer.hash));
    const judges = ctx.optionalInput('validation');
    checkStages(stages, config, judges !== undefined, task.metrics);
    checkObjectives(
      stages,
      config.head,
      teachers.map(({ index }, i) => ({ index, fit: fits[i] as Fit })),
    );
    const saved = await ctx.checkpoint.load(STATE);
    const examples = await task.examples(rows, tokenizer, config);
    const judged = judges && (await readDataset(judges.path)).rows;
    const validation = judged && (await task.judge(judged, tokenizer, config));
    const loss = new Mean();
    const losses = new Map<string, Mean>();
    const parameters = await train(
      {
        config,
        initial: start.parameters,
        stages,
        examples,
        teachers,
        fits,
        validation,
        batchSize: options.batch_size,
        accumulate: options.accumulate,
        optimizer: options.optimizer,
        weightDecay: options.weight_decay,
        clipNorm: options.clip_norm,
        seed: ctx.seed,
        runner,
        resume: saved === undefined ? undefined : await readState(saved),
      },
      async (report) => {
        const { stage, done, total, position, optimizer, best } = report;
        const { objectives, validate } = stages[stage] as Stage;
        loss.add(report.loss);
        for (const [i, name] of namesOf(objectives).entries()) {
          const mean = losses.get(name) ?? new Mean();
          losses.set(name, mean);
          mean.add(report.losses[i] as number);
        }
        await ctx.progress({
          done,
          total,
          unit: 'updates',
          ...(stages.length > 1 && { phase: `stage ${stage + 1} of ${stages.length}` }),
          loss: loss.value,
          losses: Object.fromEntries([...losses].map(([type, mean]) => [type, mean.value])),
          gradientNorm: report.gradientNorm,
        });
        if (loss.count >= 10 || done === total) {
          loss.reset();
          losses.clear();
        }
        if (report.validation !== undefined && validate) {
          const value = `${validate.metric} ${report.validation.toFixed(4)}`;
          const state = best?.progress.since === 0 ? ', the best so far' : '';
          ctx.log('info', `update ${done} of ${total}: ${value} on the validation rows${state}`);
          if (report.stopped)
            ctx.log('info', `stage ${stage + 1} ends here: no better in ${validate.patience} evaluations`);
        }
        if (ctx.checkpoint.due()) {
          await ctx.checkpoint.save(STATE, (folder) => saveState(folder, position, optimizer, best));
        }
        ctx.signal.throwIfAborted();
      },
    );
    await saveTransformer(
      await ctx.output('model'),
      { config, labels, parameters },
      tokenizerFolder,
      task.trainedOn(rows, stages),
      await task.written(tokenizer),
      await task.similarity?.(judged ?? rows, tokenizer, runner, config, parameters),
    );
  } finally {
    for (const cache of teachers) cache.close();
    await runner.release();
  }
}

/** A model before its first update, and how texts become its tokens. */
interface Beginning {
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  readonly tokenizer: TextTokenizer;
  readonly tokenizerFolder: string;
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
  for (const [what, of, parts, each] of [
    ['hidden', model.hidden, 'heads', model.heads],
    ['heads', model.heads, 'kv_heads', kvHeads],
  ] as const) {
    if (of % each !== 0) throw new StepFailure('heads', `${what} ${of} is not a multiple of ${parts} ${each}`);
  }
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

/** A stage whose judge goes by that metric where it names none. */
function judgedBy({ validate, ...stage }: Stage, usual: Metric): Stage {
  return validate ? { ...stage, validate: { ...validate, metric: validate.metric ?? usual } } : stage;
}

/** Objectives of one type are told apart by their order. */
function namesOf(objectives: Stage['objectives']): string[] {
  const types = objectives.map(({ type }) => type as string);
  return types.map((type, i) => {
    const several = types.indexOf(type) !== types.lastIndexOf(type);
    return several ? `${type} ${types.slice(0, i + 1).filter((other) => other === type).length}` : type;
  });
}

/** A mean that grows number by number. */
class Mean {
  private sum = 0;
  count = 0;

  get value(): number {
    return this.sum / this.count;
  }

  add(x: number): void {
    this.sum += x;
    this.count++;
  }

  reset(): void {
    [this.sum, this.count] = [0, 0];
  }
}
