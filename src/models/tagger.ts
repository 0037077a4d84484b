import type { Backend, HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import { createRunner } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { Row } from '../data/dataset.js';
import { type LocatedBatch, loadTokenizer } from '../data/tokenizer.js';
import { firstPieces, wordsOf } from '../data/words.js';
import { StepFailure } from '../util/failure.js';
import type { TransformerConfig } from './architecture.js';
import { longestOf } from './batches.js';
import { countParameters, describeTransformer, loadTransformer } from './checkpoint.js';
import { forward } from './forward.js';
import { batchRows, bucketLength, padTokens } from './padding.js';
import { weightBytes } from './weights.js';

const BATCH = 32;

/** What a tagger says of one text. */
export interface Tagged {
  /** Of each word the token that answers for it; −1 where the model does not read that far. */
  readonly tokens: Int32Array;
  /** [words, tags]; zeros where nothing answers. */
  readonly logits: Float32Array;
}

const logitsFunction = (config: TransformerConfig): TensorFunction => ({
  key: `tags ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    return { logits: forward(config, p, { ids, mask, dropout: [], lastTokens: 'all' }).logits };
  },
});

/** What a tagger says of each word of some texts; texts of like length run together. */
export async function tagRows(
  runner: Runner,
  config: TransformerConfig,
  parameters: HostTensors,
  rows: readonly Pick<Row, 'text' | 'words' | 'spans'>[],
  { tokens, places }: LocatedBatch,
): Promise<Tagged[]> {
  const fn = logitsFunction(config);
  const width = config.labels;
  const found: Tagged[] = rows.map((row, i) => {
    const words = wordsOf(row);
    const first = firstPieces(words, places[i] as LocatedBatch['places'][number]);
    return { tokens: first, logits: new Float32Array(words.length * width) };
  });
  const order = rows.map((_, i) => i).sort((a, b) => tokens.length(a) - tokens.length(b) || a - b);
  const size = rows.length === 1 ? 1 : BATCH;
  for (let start = 0; start < order.length; start += size) {
    const chunk = order.slice(start, start + size);
    const ids = chunk.map((i) => tokens.ids(i));
    const length = bucketLength(longestOf(ids), config.maxLength);
    const batch = padTokens(ids, batchRows(ids.length, size), length, config.padId);
    const { logits } = (await runner.forward(fn, parameters, batch)) as { logits: Float32Array };
    for (const [place, i] of chunk.entries()) {
      const own = found[i] as Tagged;
      for (const [word, token] of own.tokens.entries()) {
        if (token < 0) continue;
        const from = (place * length + token) * width;
        own.logits.set(logits.subarray(from, from + width), word * width);
      }
    }
  }
  return found;
}

/** A trained tagger, ready to answer. */
export interface Tagger {
  readonly type: string;
  /** Order of the logits. */
  readonly tags: readonly string[];
  /** Trainable numbers, embeddings included. */
  readonly parameters: number;
  /** Bytes of the weights on disk. */
  readonly bytes: number;
  tag(rows: readonly Pick<Row, 'text' | 'words' | 'spans'>[]): Promise<Tagged[]>;
  close(): Promise<void>;
}

/**
 * Loads the tagger of an artifact folder.
 * @throws StepFailure `task` if its model is none
 */
export async function loadTagger(folder: string, backend: Backend, threads: number): Promise<Tagger> {
  const { config: described } = await describeTransformer(folder);
  if (described.head !== 'token-classifier') {
    throw new StepFailure(
      'task',
      `the ${described.type} in ${folder} labels no words: it was not trained for task: tagging`,
      'Train it first: a train step with task: tagging.',
    );
  }
  const { config, labels, parameters } = await loadTransformer(folder);
  const tokenizer = await loadTokenizer(folder);
  const runner = await createRunner(backend, threads);
  return {
    type: config.type,
    tags: labels,
    parameters: countParameters(parameters),
    bytes: await weightBytes(folder),
    async tag(rows) {
      const texts = rows.map(({ text }) => text);
      return tagRows(runner, config, parameters, rows, await tokenizer.locate(texts, config.maxLength));
    },
    close: () => runner.release(),
  };
}
