import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeTransformer, loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { type Start, startFrom } from '../../src/models/start.js';
import { writeSafetensors } from '../../src/util/safetensors.js';
import { LABELS, sharedFolder } from '../train/rig.js';
import { tiny } from './tiny.js';

const ALL: Start = {
  head: 'classifier',
  labels: ['a', 'b', 'c'],
  layers: undefined,
  maxLength: undefined,
  dropout: undefined,
  seed: 1,
};

describe('startFrom', async () => {
  const folder = await sharedFolder();
  const at = (name: string): string => join(folder, name);
  const tokenizer = at('tokenizer');

  beforeAll(async () => {
    await mkdir(tokenizer);
    await writeFile(join(tokenizer, 'tokenizer_config.json'), '{"model_max_length": 9}');
    for (const name of ['bert', 'gpt2', 'qwen3']) {
      const { config, parameters } = await tiny(name);
      await mkdir(at(name));
      const model = { config: { ...config, maxLength: 9 }, labels: ALL.labels, parameters };
      await saveTransformer(at(name), model, tokenizer, { rows: 0, labelled: 0 });
    }
  });

  it('takes a whole model over, head too where the labels are the same', async () => {
    for (const name of ['bert', 'gpt2', 'qwen3']) {
      expect(await startFrom(at(name), ALL)).toEqual(await loadTransformer(at(name)));
    }
    expect((await describeTransformer(at('bert'))).config).toMatchObject({ positions: 12, maxLength: 9 });
  });

  it('draws the head anew for other labels, and nothing else', async () => {
    const [old, made] = [await loadTransformer(at('bert')), await startFrom(at('bert'), { ...ALL, labels: LABELS })];
    expect(made.config).toMatchObject({ labels: 2, layers: 2 });
    expect(made.parameters['classifier.weight']?.shape).toEqual([2, 16]);
    const changed = Object.keys(made.parameters).filter((n) => made.parameters[n]?.data !== old.parameters[n]?.data);
    expect(changed.filter((n) => `${made.parameters[n]?.data}` !== `${old.parameters[n]?.data}`).sort()).toEqual([
      'classifier.bias',
      'classifier.weight',
    ]);
    const order = await startFrom(at('bert'), { ...ALL, labels: ['b', 'a', 'c'] });
    expect(order.parameters['classifier.weight']?.data).not.toEqual(old.parameters['classifier.weight']?.data);
  });

  it('takes some layers, the last one’s norm and all that belongs to no layer', async () => {
    for (const name of ['bert', 'gpt2', 'qwen3']) {
      const old = await loadTransformer(at(name));
      const made = await startFrom(at(name), { ...ALL, layers: 1 }); // one of two: the second
      expect(made.config.layers).toBe(1);
      expect(made.parameters).toEqual((await startFrom(at(name), { ...ALL, layers: [2] })).parameters);
      for (const [key, { data }] of Object.entries(made.parameters)) {
        const from = key.replace(/(layer|h|layers)\.0\./, '$1.1.');
        expect(data, key).toEqual(old.parameters[from]?.data);
      }
      const first = await startFrom(at(name), { ...ALL, layers: [1] });
      for (const [key, { data }] of Object.entries(first.parameters)) expect(data).toEqual(old.parameters[key]?.data);
    }
  });

  it('reads and drops as it is told', async () => {
    expect((await startFrom(at('bert'), { ...ALL, maxLength: 5, dropout: 0.3 })).config).toMatchObject({
      maxLength: 5,
      positions: 12,
      dropout: 0.3,
    });
  });

  it('takes a base model: weights without a prefix, no head, old names of norms', async () => {
    const { parameters } = await tiny('bert');
    const base = at('base');
    await mkdir(base);
    const json = { model_type: 'bert', architectures: ['BertModel'], vocab_size: 50, hidden_size: 16 };
    const more = { num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 32, max_position_embeddings: 12 };
    await writeFile(join(base, 'config.json'), JSON.stringify({ ...json, ...more }));
    const named = Object.entries(parameters)
      .filter(([key]) => !key.startsWith('classifier'))
      .map(([key, { shape, data }]) => [
        key
          .replace('bert.', '')
          .replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta'),
        { dtype: 'F32' as const, shape, data },
      ]);
    await writeSafetensors(join(base, 'model.safetensors'), Object.fromEntries(named));
    expect((await describeTransformer(base)).config).toMatchObject({ head: 'none', labels: 0, maxLength: 12 });
    const made = await startFrom(base, ALL);
    for (const key of Object.keys(made.parameters)) {
      if (key.startsWith('classifier')) continue;
      expect(made.parameters[key]?.data, key).toEqual(parameters[key]?.data);
    }
  });

  it('says what does not fit', async () => {
    const attempt = (changes: Partial<Start>) => startFrom(at('bert'), { ...ALL, ...changes });
    await expect(attempt({ layers: [0, 1] })).rejects.toMatchObject({
      message: 'layers names layer 0, but the model to start from has layers 1 to 2',
      hint: 'The first layer is 1 here, as in layer maps, where 0 is the embedding output.',
    });
    await expect(attempt({ layers: [3] })).rejects.toThrow('names layer 3');
    await expect(attempt({ layers: 3 })).rejects.toThrow('3 of 2 layers cannot be spread evenly');
    await expect(attempt({ maxLength: 13 })).rejects.toMatchObject({
      message: 'max_length is 13, but the model to start from has positions for 12 tokens',
      hint: 'Give max_length: 12 or less.',
    });
    await expect(startFrom(at('nothing'), ALL)).rejects.toThrow('cannot read a model from');
  });
});
