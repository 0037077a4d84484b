import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { loadEmbedder } from '../../src/models/embedders.js';
import { encode } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import { expectClose } from '../backend/rig.js';
import { temporaryFolder } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, randomParameters, sharedFolder, tinyConfig } from '../train/rig.js';

describe('a transformer as an encoder', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(40, 30));
  });

  it.each(['bert', 'distilbert', 'llama'])(
    '%s gives the mean of its last states, whatever is asked at once',
    async (type) => {
      const at = await temporaryFolder();
      const config = tinyConfig(corpus.tokenizer.vocabularySize, { type, head: 'none', labels: 0 });
      const parameters = randomParameters(config);
      await saveTransformer(at, { config, labels: [], parameters }, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
      const encoder = await loadEmbedder(at, 'onnx', 1);
      expect(encoder).toMatchObject({ type, width: 8 });

      const texts = corpus.rows.map((row) => row.text);
      const vectors = await encoder.embed(texts);
      const tokens = await corpus.tokenizer.encode(texts, config.maxLength);
      const runner = await createRunner('cpu', 1);
      for (const i of [0, 7, 33]) {
        const ids = tokens.ids(i);
        const { states } = await runner.forward(
          {
            key: `states ${type}`,
            call: (p, b) => {
              const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' } as const;
              return { states: encode(config, p, input).hiddenStates.at(-1) as Tensor };
            },
          },
          parameters,
          padTokens([ids], 1, ids.length, config.padId),
        );
        const mean = Array.from({ length: 8 }, (_, k) => {
          let sum = 0;
          for (let t = 0; t < ids.length; t++) sum += (states as Float32Array)[t * 8 + k] as number;
          return sum / ids.length;
        });
        expectClose(vectors.subarray(i * 8, (i + 1) * 8), mean, `text ${i}`, 1e-5);
        expectClose(await encoder.embed([texts[i] as string]), mean, `text ${i} alone`, 1e-5);
      }
      await encoder.close();
    },
  );

  it('refuses what gives no embeddings', async () => {
    const at = await temporaryFolder();
    await writeFile(join(at, 'recipe.json'), '{"type": "logistic"}');
    await expect(loadEmbedder(at, 'onnx', 1)).rejects.toMatchObject({
      reason: 'no-embeddings',
      message: expect.stringContaining('names the model type "logistic", which gives no embeddings; bert, '),
    });
    await writeFile(join(at, 'recipe.json'), 'x');
    await expect(loadEmbedder(at, 'onnx', 1)).rejects.toMatchObject({ reason: 'no-model' });
  });
});
