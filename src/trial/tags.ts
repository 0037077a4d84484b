import type { Backend } from '../backend/runner.js';
import { wordsOf } from '../data/words.js';
import { loadTagger, type Tagged } from '../models/tagger.js';
import { argmaxRows, softmax } from '../report/metrics.js';
import { checkNumbers } from './numbers.js';
import type { Trial, TriedWord } from './trial.js';

/** A tagger; words are cut as where only a text is known. */
export async function tryTags(folder: string, backend: Backend, threads: number): Promise<Trial> {
  const model = await loadTagger(folder, backend, threads);
  const { type, parameters, tags } = model;
  return {
    type,
    parameters,
    pairs: false,
    async answer({ text }) {
      const [said] = await model.tag([{ text }]);
      const { tokens, logits } = said as Tagged;
      const best = argmaxRows(checkNumbers(logits, folder), tags.length);
      const words = wordsOf({ text }).map(({ start, end }, i): TriedWord => {
        const word = text.slice(start, end);
        if ((tokens[i] as number) < 0) return { word, tag: null, probability: null };
        const tag = best[i] as number;
        const probability = softmax(logits.subarray(i * tags.length, (i + 1) * tags.length))[tag] as number;
        return { word, tag: tags[tag] as string, probability: Number(probability.toFixed(6)) };
      });
      return { kind: 'tags', words };
    },
    close: () => model.close(),
  };
}
