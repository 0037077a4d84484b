import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { countParameters, loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { forward } from '../../src/models/forward.js';
import { loadPredictor } from '../../src/models/index.js';
import { padTokens } from '../../src/models/padding.js';
import { weightBytes } from '../../src/models/weights.js';
import { StepFailure } from '../../src/util/failure.js';
import { expectClose } from '../backend/rig.js';
import { digests } from '../steps/context.js';
import {
  type Corpus,
  LABELS,
  madeUpRows,
  makeCorpus,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from '../train/rig.js';

describe('a BERT checkpoint', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  const model = (vocabulary: number) => {
    const config = tinyConfig(vocabulary);
    return { config, labels: LABELS, parameters: randomParameters(config) };
  };
  const save = async (name: string): Promise<string> => {
    const to = join(folder, name);
    await mkdir(to);
    const trainedOn = { rows: 40, labelled: 26 };
    await saveTransformer(to, model(corpus.tokenizer.vocabularySize), corpus.tokenizerFolder, trainedOn);
    return to;
  };
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(40, 30));
  });

  it('comes back as it was, and is the same bytes each time', async () => {
    const [a, b] = [await save('a'), await save('b')];
    const given = model(corpus.tokenizer.vocabularySize);
    expect(await loadTransformer(a)).toEqual(given);
    expect(await digests(a)).toEqual(await digests(b));
    expect(JSON.parse(await readFile(join(a, 'recipe.json'), 'utf8'))).toEqual({
      type: 'bert',
      labels: LABELS,
      parameters: countParameters(given.parameters),
      trained_on: { rows: 40, labelled: 26 },
    });
    expect(Object.keys(await digests(a))).toEqual([
      'config.json',
      'model.safetensors',
      'recipe.json',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const numbers = countParameters(given.parameters);
    expect(await weightBytes(a)).toBeGreaterThan(4 * numbers);
  });

  it('answers as the model does, in the order of the texts, one at a time or many', async () => {
    const { config, parameters } = model(corpus.tokenizer.vocabularySize);
    const predictor = await loadPredictor(await save('predictor'), 'onnx', 2);
    const texts = corpus.rows.map((row) => row.text);
    const many = await predictor.predict(texts);
    expect(await predictor.predict(texts)).toEqual(many);

    const tokens = await corpus.tokenizer.encode(texts, config.maxLength);
    const runner = await createRunner('cpu', 1);
    const direct = await runner.forward(
      {
        key: 'direct',
        call: (p, b) => ({
          logits: forward(config, p, {
            ids: b.ids as Tensor,
            mask: b.mask as Tensor,
            dropout: [],
            lastTokens: 'all',
          }).logits,
        }),
      },
      parameters,
      padTokens(
        texts.map((_, i) => tokens.ids(i)),
        texts.length,
        config.maxLength,
        corpus.tokenizer.padId,
      ),
    );
    expectClose(many, direct.logits, 'many', 1e-5);
    for (const i of [0, 13, 39]) {
      expectClose(await predictor.predict([texts[i] as string]), many.subarray(2 * i, 2 * i + 2), 'one', 1e-5);
    }
    expect(await predictor.predict([])).toHaveLength(0);
    expect(await predictor.predict([''])).toHaveLength(2);
    await predictor.close();
  });

  it('says what is wrong with a folder', async () => {
    const at = await save('damaged');
    const config = JSON.parse(await readFile(join(at, 'config.json'), 'utf8'));
    const attempt = async (changes: object, message: string): Promise<void> => {
      await writeFile(join(at, 'config.json'), JSON.stringify({ ...config, ...changes }));
      await expect(loadTransformer(at)).rejects.toThrow(message);
      await expect(loadTransformer(at)).rejects.toBeInstanceOf(StepFailure);
    };
    await attempt({ model_type: 'tapas' }, 'there is no model of type "tapas", only bert, distilbert');
    await attempt({ hidden_act: 'relu' }, 'config.json has hidden_act: "relu", and only "gelu" can be computed here');
    await attempt({ position_embedding_type: 'relative_key' }, 'has position_embedding_type: "relative_key"');
    await writeFile(join(at, 'config.json'), JSON.stringify({ ...config, id2label: undefined }));
    expect((await loadTransformer(at)).labels).toEqual(['LABEL_0', 'LABEL_1']);
    await attempt({ problem_type: 'regression' }, 'a regression with 2 outputs, and a model here has one score');
    await attempt({ problem_type: 'ranking' }, 'problem_type "ranking" is none that transformers has');
    await attempt({ hidden_size: '8' }, 'config.json: hidden_size is "8", which is no number');
    await attempt({ num_hidden_layers: undefined }, 'config.json: num_hidden_layers is missing');
    await attempt({ hidden_size: 16 }, /* of */ `has shape [${corpus.tokenizer.vocabularySize},8]`);
    await attempt(
      { num_hidden_layers: 3 },
      'tensor "bert.encoder.layer.2.attention.self.query.weight" of shape [8,8] is missing',
    );
    await rm(join(at, 'config.json'));
    await expect(loadTransformer(at)).rejects.toThrow('cannot read a model from');
  });
});
