import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import { answerIn } from '../data/reasoning.js';
import { fieldsOf, fill, USUAL_PROMPT } from '../data/template.js';
import { StepFailure } from '../util/failure.js';
import { Continuations, fitPrompt, type Surprise, surpriseOf } from './continuations.js';
import { Generator, greedy } from './generate.js';
import { loadLanguageModel } from './language-model.js';

type Asked = Pick<Row, 'id' | 'text' | 'fields'>;

/** A language model that answers rows, asked as it was when it learnt. */
export interface Writer {
  /** `gpt2`, `llama`, … */
  readonly type: string;
  /** Trainable numbers, embeddings included. */
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  /**
   * The likeliest text, token by token, at most `most` of them.
   * @returns the text without what it thought before it, and how many tokens were made, the end among them
   * @throws StepFailure if the row lacks a field of the prompt, or the model reads no more than it is to write
   */
  write(row: Asked, most: number): Promise<{ readonly text: string; readonly tokens: number }>;
  /** What it finds unlikely of responses; those that are too long to be read are left out. */
  surprises(
    asked: readonly { readonly row: Asked; readonly response: string }[],
    after: (done: number) => Promise<void>,
  ): Promise<Surprise[]>;
  close(): Promise<void>;
}

/**
 * Loads the language model of an artifact folder.
 * @throws StepFailure if it holds none
 */
export async function loadWriter(folder: string, backend: Backend, threads: number): Promise<Writer> {
  const { config, parameters, tokenizer, endId, size, bytes, runner, ...learnt } = await loadLanguageModel(
    folder,
    backend,
    threads,
  );
  const prompt = learnt.prompt ?? USUAL_PROMPT;
  const generator = new Generator(config, parameters, runner);
  const ask = (row: Asked): string => fill(prompt, fieldsOf(row), `row ${row.id}`);
  return {
    type: config.type,
    parameters: size,
    bytes,
    async write(row, most) {
      const room = config.maxLength - most;
      if (room < 1) {
        const message = `a model that reads ${config.maxLength} tokens cannot write ${most} to a prompt`;
        throw new StepFailure('max-tokens', message, 'Lower max_tokens.');
      }
      const [tokens] = await tokenizer.encodeWhole([ask(row)], 'prompt');
      const ids: number[] = [];
      let made = 0;
      for await (const id of generator.generate(fitPrompt(tokens as Int32Array, room, endId), most, greedy)) {
        made++;
        if (id === endId) break;
        ids.push(id);
      }
      return { text: answerIn(await tokenizer.decode(ids)), tokens: made };
    },
    async surprises(asked, after) {
      const texts = asked.map(({ row, response }) => ({ prompt: ask(row), text: response }));
      const continuations = await Continuations.encode(texts, tokenizer, endId, config.maxLength);
      return surpriseOf(runner, config, parameters, continuations, after);
    },
    close: () => runner.release(),
  };
}

/** The prompt that the model learnt with; the usual one for a model from elsewhere. */
export async function promptOf(folder: string): Promise<string> {
  const recipe = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { prompt?: string };
  return recipe.prompt ?? USUAL_PROMPT;
}
