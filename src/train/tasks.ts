import { type DatasetInfo, type Row, realLabels } from '../data/dataset.js';
import { holesOf, USUAL_PROMPT } from '../data/template.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import { teacherOf } from '../methods/index.js';
import type { TransformerConfig } from '../models/architecture.js';
import type { TrainedOn, WrittenFrom } from '../models/checkpoint.js';
import type { Stage, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { Examples, type Learnable } from './examples.js';
import { ResponseExamples, ResponseValidation } from './responses.js';
import { type Judge, type Metric, Validation } from './validate.js';

/** What a model is to learn of a dataset: to tell labels apart, or to write. */
export interface Task {
  readonly head: 'classifier' | 'language-model';
  /** It is to read two texts at once. */
  readonly pairs?: true;
  /** None unless it classifies. */
  readonly labels: readonly string[];
  /** By which `validate` judges where it does not say; all that it may name. */
  readonly metrics: readonly [Metric, ...Metric[]];
  examples(rows: readonly Row[], tokenizer: TextTokenizer, config: TransformerConfig): Promise<Learnable>;
  judge(rows: readonly Row[], tokenizer: TextTokenizer, config: TransformerConfig): Promise<Judge>;
  trainedOn(rows: readonly Row[], stages: readonly Stage[]): TrainedOn;
  written(tokenizer: TextTokenizer): Promise<WrittenFrom | undefined>;
}

/**
 * The task that the options name.
 * @throws StepFailure for options of the other task
 */
export function taskOf(ctx: Pick<StepContext<TrainOptions>, 'options' | 'inputList' | 'log'>, info: DatasetInfo): Task {
  const { task, prompt, learn_from: from } = ctx.options;
  if (task !== 'generation') {
    for (const [name, value] of Object.entries({ prompt, learn_from: from })) {
      if (value === undefined) continue;
      const hint = 'Leave it out, or set task: generation.';
      throw new StepFailure('not-used', `task "${task}" takes no "${name}": it is for what a model writes`, hint);
    }
    return task === 'pair-classification' ? { ...classification(info), pairs: true } : classification(info);
  }
  if (ctx.inputList('teacher').length > 0) {
    throw new StepFailure(
      'not-used',
      'task "generation" takes no input "teacher": it learns from the rows\' responses',
      "Let query-teacher write the teacher's responses into the rows, and leave it out.",
    );
  }
  if (from !== 'text') return generation(prompt ?? USUAL_PROMPT, from === 'reasoning', ctx.log);
  if (prompt !== undefined) {
    const hint = 'Leave one of them out.';
    throw new StepFailure('not-used', '"learn_from: text" takes no "prompt": a text is learnt as a whole', hint);
  }
  return generation(undefined, false, ctx.log);
}

function classification(info: DatasetInfo): Task {
  const { labels } = info;
  if (labels.length < 2) {
    throw new StepFailure('labels', `a classifier needs at least two labels, and the data has ${labels.length}`);
  }
  return {
    head: 'classifier',
    labels,
    metrics: ['macro_f1', 'accuracy', 'loss'],
    examples: (rows, tokenizer, config) => Examples.encode(rows, labels, tokenizer, config),
    judge: (rows, tokenizer, config) => Validation.encode(rows, labels, tokenizer, config),
    trainedOn(rows, stages) {
      const labelled = rows.filter((row) => row.label !== null).length;
      // Without a teacher, a row without a label says nothing.
      const taught = stages.some(({ objectives }) => objectives.some((entry) => teacherOf(entry) !== undefined));
      return { rows: taught ? rows.length : labelled, labelled: realLabels(info, rows) };
    },
    written: async () => undefined,
  };
}

/** @param prompt undefined: texts are learnt as a whole */
function generation(prompt: string | undefined, reasoning: boolean, log: StepContext<never>['log']): Task {
  const lessonFor = ({ eosId }: TransformerConfig) => ({ prompt, reasoning, endId: eosId as number });
  const isLearnt = ({ responses = [], reasoning: thoughts = [] }: Row): boolean =>
    prompt === undefined || (reasoning ? thoughts.some((each) => each !== '') : responses.length > 0);
  return {
    head: 'language-model',
    labels: [],
    metrics: ['loss', 'perplexity'],
    async examples(rows, tokenizer, config) {
      const examples = await ResponseExamples.encode(rows, lessonFor(config), tokenizer, config);
      if (examples.tooLong > 0) {
        log('warning', `${examples.tooLong} responses do not fit into max_length ${config.maxLength} and are left out`);
      }
      return examples;
    },
    judge: (rows, tokenizer, config) => ResponseValidation.encode(rows, lessonFor(config), tokenizer, config.maxLength),
    trainedOn: (rows) => ({
      rows: rows.filter(isLearnt).length,
      labelled: 0,
    }),
    async written(tokenizer) {
      if (prompt === undefined) return undefined;
      const [begins] = await tokenizer.encodeWhole([''], 'prompt');
      return { prompt, chat: chatTemplate(prompt, (begins as Int32Array).length > 0) };
    },
  };
}

/**
 * The prompt as a chat template (Jinja), which puts the last message where the text goes; undefined if the prompt takes
 * more than one text.
 * @param begins whether the tokenizer puts a token before every text
 */
function chatTemplate(prompt: string, begins: boolean): string | undefined {
  const holes = holesOf(prompt);
  if (holes.length !== 1) return undefined;
  const [before = '', after = ''] = prompt.split(/\{\{[^{}]*\}\}/);
  const parts = [JSON.stringify(before), "messages[-1]['content']", JSON.stringify(after)];
  return `{{ ${[...(begins ? ['bos_token'] : []), ...parts.filter((part) => part !== '""')].join(' + ')} }}`;
}
