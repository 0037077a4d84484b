import type { Backend } from '../backend/runner.js';
import { answerIn } from '../data/reasoning.js';
import { fill } from '../data/template.js';
import { fitPrompt } from '../models/continuations.js';
import { Generator, greedy } from '../models/generate.js';
import { loadLanguageModel } from '../models/language-model.js';
import type { Trial } from './trial.js';

/** A language model, behind the prompt that it learnt with; one without continues the text. It writes the likeliest tokens. */
export async function tryWriter(folder: string, backend: Backend, threads: number, most: number): Promise<Trial> {
  const { config, parameters, tokenizer, endId, prompt, size, runner } = await loadLanguageModel(
    folder,
    backend,
    threads,
  );
  const generator = new Generator(config, parameters, runner);
  // Half of what it reads is left to the prompt.
  const room = Math.max(config.maxLength - most, Math.ceil(config.maxLength / 2));
  return {
    type: config.type,
    parameters: size,
    pairs: false,
    async answer({ text }) {
      const asked = prompt === undefined ? text : fill(prompt, { text }, 'a text that is typed');
      const [tokens] = await tokenizer.encodeWhole([asked], 'prompt');
      const ids: number[] = [];
      const given = fitPrompt(tokens as Int32Array, room, endId);
      for await (const id of generator.generate(given, Math.min(most, config.maxLength - given.length), greedy)) {
        if (id === endId) break;
        ids.push(id);
      }
      return { kind: 'text', text: answerIn(await tokenizer.decode(ids)), tokens: ids.length };
    },
    close: () => runner.release(),
  };
}
