import type { Row } from '../../data/dataset.js';
import { holesOf, USUAL_PROMPT } from '../../data/template.js';
import type { StepContext } from '../../engine/step.js';
import type { TransformerConfig } from '../../models/architecture.js';
import { StepFailure } from '../../util/failure.js';
import { ResponseExamples, ResponseValidation } from '../responses.js';
import type { Task, TaskContext } from './task.js';

/**
 * To write, as a language model.
 * @throws StepFailure for options that do not go together
 */
export function generationOf({ options, log }: TaskContext): Task {
  const { prompt, learn_from: from } = options;
  if (from !== 'text') return generation(prompt ?? USUAL_PROMPT, from === 'reasoning', log);
  if (prompt !== undefined) {
    const hint = 'Leave one of them out.';
    throw new StepFailure('not-used', '"learn_from: text" takes no "prompt": a text is learnt as a whole', hint);
  }
  return generation(undefined, false, log);
}

/** @param prompt undefined: texts are learnt as a whole */
function generation(prompt: string | undefined, reasoning: boolean, log: StepContext<never>['log']): Task {
  const lessonFor = ({ eosId }: TransformerConfig) => ({ prompt, reasoning, endId: eosId as number });
  const isLearnt = ({ responses = [], reasoning: thoughts = [] }: Row): boolean =>
    prompt === undefined || (reasoning ? thoughts.some((each) => each !== '') : responses.length > 0);
  return {
    name: 'generation',
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
