import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { albert } from '../../src/models/albert.js';
import type { Shape, TransformerConfig } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { countParameters, loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { type Start, startFrom } from '../../src/models/start.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { runStep } from '../steps/context.js';
import {
  type Corpus,
  LABELS,
  madeUpRows,
  makeCorpus,
  randomParameters,
  sharedFolder,
  tinyConfig,
} from '../train/rig.js';

const ALL: Start = { head: 'classifier', labels: LABELS, layers: undefined, maxLength: undefined, dropout: 0, seed: 1 };

const numbersIn = (config: TransformerConfig): number =>
  Object.values(architectureOf(config).parameters(config)).reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );

describe('albert', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  /** Six layers: 1 to 3 share their parameters, and 4 to 6. */
  let config: TransformerConfig;
  const at = join(folder, 'albert');
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(24, 20));
    const { vocabularySize } = corpus.tokenizer;
    config = tinyConfig(vocabularySize, { type: 'albert', layers: 6, groups: 2, embedding: 4, dropout: 0 });
    await mkdir(at);
    const model = { config, labels: LABELS, parameters: randomParameters(config) };
    await saveTransformer(at, model, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
  });

  it('has as many parameters as the paper’s models', () => {
    const base: Shape = {
      ...{ type: 'albert', vocabulary: 30_000, layers: 12, hidden: 768, heads: 12, kvHeads: 12, intermediate: 3072 },
      ...{ maxLength: 512, head: 'none', labels: 0, dropout: 0, padId: 0 },
    };
    // transformers' AlbertModel of these sizes; the paper's table 1 says 12 M, 18 M and 108 M.
    expect(numbersIn(albert.scratch(base))).toBe(11_683_584);
    const large = { ...base, layers: 24, hidden: 1024, heads: 16, intermediate: 4096 };
    expect(numbersIn(albert.scratch(large))).toBe(17_683_968);
    const bert = { ...base, type: 'bert', vocabulary: 30_522 };
    expect(numbersIn(architectureOf(bert).scratch(bert))).toBe(109_482_240);
    expect(numbersIn(albert.scratch({ ...base, groups: 12 }))).toBe(11_683_584 + 11 * 7_087_872);
  });

  it('has as many as docs/models.md says of each student', async () => {
    const text = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(\{ type: .*\})` +\| ([\d,]+) +\| ([\d,]+) +\|/gm)];
    expect(rows.length).toBeGreaterThan(4);
    for (const [, model = '', all, layers] of rows) {
      const { type, max_length: maxLength, ...shape } = { max_length: 128, ...parse(model) };
      const more = { vocabulary: 30_522, kvHeads: 12, head: 'classifier', labels: 2, dropout: 0, padId: 0 } as const;
      const made = architectureOf({ type }).scratch({ type, maxLength, ...shape, ...more });
      const specs = Object.entries(architectureOf(made).parameters(made));
      const inLayers = specs.filter(([, { part }]) => typeof part === 'number');
      const count = (of: typeof specs) =>
        of.reduce((sum, [, each]) => sum + each.shape.reduce((a, b) => a * b, 1), 0).toLocaleString('en');
      expect([count(specs), count(inLayers)], model).toEqual([all, layers]);
    }
  });

  it('counts what layers share once, also when it has been saved', async () => {
    const { parameters } = await loadTransformer(at);
    expect(countParameters(parameters)).toBe(numbersIn(config));
    const groups = new Set(Object.keys(parameters).map((name) => /groups\.(\d+)\./.exec(name)?.[1]));
    expect(groups).toEqual(new Set([undefined, '0', '1']));
  });

  it('starts from some layers of another', async () => {
    const old = (await loadTransformer(at)).parameters;
    const layer = (name: string, group: number): string => name.replace(/groups\.\d+/, `groups.${group}`);
    for (const [layers, groups, first] of [
      [2, [0, 1], 0],
      [[2, 6], [0, 1], 0],
      [[4], [1], 1],
      [[1, 2], [0], 0],
      [[5, 6], [1], 1],
    ] as const) {
      const made = await startFrom(at, { ...ALL, layers });
      expect(made.config).toMatchObject({ layers: typeof layers === 'number' ? layers : layers.length });
      expect(made.config).toMatchObject({ groups: groups.length });
      for (const [name, { data }] of Object.entries(made.parameters)) {
        const group = Number(/groups\.(\d+)/.exec(name)?.[1] ?? 0);
        expect(data, name).toEqual(old[layer(name, first + group)]?.data);
      }
    }
    await expect(startFrom(at, { ...ALL, layers: [1, 4, 5] })).rejects.toMatchObject({
      reason: 'layers',
      hint: 'Take as many layers of one group as of another.',
    });
  });

  it('freezes with a layer those that share its parameters', async () => {
    const { outputs } = await runStep(train, {
      options: {
        model: { type: 'pretrained' },
        stages: [{ objectives: ['hard-label'], updates: 2, freeze: [2, 'embeddings'] }],
      },
      inputs: { data: { kind: 'dataset', path: corpus.data }, init: { kind: 'model', path: at } },
    });
    const old = (await loadTransformer(at)).parameters;
    for (const [name, { data }] of Object.entries((await loadTransformer(outputs.model as string)).parameters)) {
      const still = /embedding|groups\.0/.test(name);
      if (still) expect(data, name).toEqual(old[name]?.data);
      else expect(data, name).not.toEqual(old[name]?.data);
    }
  });

  it('is described in a recipe, with what it does not say as in the paper', async () => {
    const make = async (model: JsonObject) => {
      const { outputs } = await runStep(train, {
        options: {
          model: { type: 'albert', layers: 3, hidden: 8, heads: 2, max_length: 20, ...model },
          stages: [{ objectives: ['hard-label'], updates: 1 }],
        },
        inputs: {
          data: { kind: 'dataset', path: corpus.data },
          tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
        },
      });
      return (await loadTransformer(outputs.model as string)).config;
    };
    expect(await make({})).toMatchObject({ layers: 3, groups: 1, embedding: 8, hidden: 8, activation: 'gelu_new' });
    expect(await make({ groups: 2, embedding: 4 })).toMatchObject({ groups: 2, embedding: 4 });
    expect(await make({ hidden: 130 })).toMatchObject({ hidden: 130, embedding: 128 });
    await expect(make({ groups: 4 })).rejects.toThrow('3 layers cannot be in 4 groups');
  });

  it('refuses a folder that is computed in another way', async () => {
    const other = join(folder, 'other');
    await mkdir(other);
    const json = { model_type: 'albert', vocab_size: 50, hidden_size: 16, num_hidden_layers: 2 };
    const sizes = { num_attention_heads: 2, intermediate_size: 32, max_position_embeddings: 12 };
    const read = async (changes: JsonObject) => {
      await writeFile(join(other, 'config.json'), JSON.stringify({ ...json, ...sizes, ...changes }));
      return (await loadTransformer(other)).config;
    };
    await expect(read({ hidden_act: 'relu' })).rejects.toThrow(
      'config.json has hidden_act: "relu", and only "gelu_new" and "gelu" can be computed here',
    );
    await expect(read({ inner_group_num: 2 })).rejects.toThrow('config.json has inner_group_num: 2');
    await expect(read({ hidden_act: 'gelu' })).rejects.toThrow('has no model.safetensors');
  });
});
