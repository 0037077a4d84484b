import type { Runner, TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { forward } from '../models/forward.js';
import type { Predictor } from '../models/predictor.js';
import { serverError } from './errors.js';
import { logSoftmax } from './log-softmax.js';
import { computeTexts } from './passes.js';
import { embeddingFunction, normalize, readPooling } from './pooling.js';
import type { Classified, LocalModel, TextOrTokens } from './protocol.js';

/**
 * A transformer that reads texts: its embeddings, and its labels if it is a classifier.
 *
 * @param folder of the model
 * @param tokenizer folder of its tokenizer
 * @throws StepFailure
 */
export async function textModel(
  folder: string,
  tokenizer: string,
  model: TransformerModel,
  runner: Runner,
  reproducible: boolean,
): Promise<LocalModel> {
  const { config, labels } = model;
  const texts = await loadTokenizer(tokenizer);
  const pooling = await readPooling(folder);
  const embedding = embeddingFunction(config, pooling.mode);
  const logits = logitsFunction(config);
  const classifies = config.head === 'classifier';
  return {
    info: {
      kind: classifies ? 'classifier' : 'encoder',
      labels,
      vocabulary: config.vocabulary,
      dimensions: config.hidden,
      context: null,
    },
    operations: {
      async embed(inputs) {
        const tokens = await tokensOf(inputs, texts, config);
        const output = { name: 'embedding', width: config.hidden };
        const vectors = await computeTexts(runner, embedding, output, model, tokens, reproducible);
        return vectors.map((vector, i) => {
          checkNumbers(vector);
          return {
            vector: pooling.normalized ? normalize(vector) : vector,
            tokens: (tokens[i] as Int32Array).length,
          };
        });
      },
      ...(classifies && {
        async classify(inputs: readonly string[]) {
          const tokens = await tokensOf(inputs, texts, config);
          const output = { name: 'logits', width: config.labels };
          const rows = await computeTexts(runner, logits, output, model, tokens, reproducible);
          return rows.map((row, i) => classified(row, (tokens[i] as Int32Array).length));
        },
      }),
    },
  };
}

/** A classifier of another kind, which has labels and no embeddings. */
export function plainClassifier(predictor: Predictor, reproducible: boolean): LocalModel {
  const { labels } = predictor;
  return {
    info: { kind: 'classifier', labels, vocabulary: 0, dimensions: null, context: null },
    operations: {
      async classify(texts) {
        const size = reproducible ? 1 : texts.length;
        const found: Classified[] = [];
        for (let start = 0; start < texts.length; start += size) {
          const some = texts.slice(start, start + size);
          const logits = await predictor.predict(some);
          for (const [i, text] of some.entries()) {
            const words = text.match(/\S+/g)?.length ?? 0;
            found.push(classified(logits.subarray(i * labels.length, (i + 1) * labels.length), words));
          }
        }
        return found;
      },
    },
  };
}

function classified(logits: Float32Array, tokens: number): Classified {
  checkNumbers(logits);
  return { logProbabilities: [...logSoftmax(logits)], tokens };
}

function checkNumbers(values: Float32Array): void {
  if (!values.every(Number.isFinite)) {
    throw serverError('The model computes numbers that are none: its training has probably diverged.', 'not_a_number');
  }
}

const logitsFunction = (config: TransformerConfig): TensorFunction => ({
  key: `logits ${JSON.stringify(config)}`,
  call: (p, b) => {
    const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
    return { logits: forward(config, p, { ids, mask, dropout: [], lastTokens: 'pooled' }).logits };
  },
});

/** The tokens of each input, as many as the model reads. */
async function tokensOf(
  inputs: readonly TextOrTokens[],
  tokenizer: TextTokenizer,
  { maxLength }: TransformerConfig,
): Promise<Int32Array[]> {
  const encoded = await tokenizer.encode(
    inputs.filter((input) => typeof input === 'string'),
    maxLength,
  );
  let text = 0;
  return inputs.map((input) => {
    if (typeof input === 'string') return encoded.ids(text++);
    return Int32Array.from(input.slice(0, maxLength));
  });
}
