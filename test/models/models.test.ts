import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Shape } from '../../src/models/architecture.js';
import { architectureOf, architectures } from '../../src/models/architectures.js';
import { loadTransformer, saveTransformer } from '../../src/models/checkpoint.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { importModel } from '../../src/steps/import-model.js';
import { train } from '../../src/steps/train.js';
import { runStep } from '../steps/context.js';
import { type Corpus, capture, LABELS, madeUpRows, makeCorpus, randomParameters, sharedFolder } from '../train/rig.js';

/** Those that a recipe can describe; the others are only taken from a folder. */
const FROM_SCRATCH = ['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama'];
/** What `golden/saved.py` has loaded with transformers. */
const EXPORTED = ['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama', 'qwen2', 'qwen3'];

describe('the table of docs/models.md', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(24, 20));
  });

  it('has every architecture, and says of each what is tested here', async () => {
    const text = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(?!model_type)(\w+)` +\|(.*)\|$/gm)].map(([, type, cells = '']) => ({
      type,
      cells: cells.split('|').map((cell) => cell.trim()),
    }));
    const cell = (is: boolean): string => (is ? 'yes' : 'no');
    expect(rows).toEqual(
      architectures.map(({ type }) => ({
        type,
        cells: ['yes', 'yes', 'yes', 'yes', cell(EXPORTED.includes(type)), cell(FROM_SCRATCH.includes(type))],
      })),
    );
  });

  it.each(architectures.map(({ type }) => type))('%s loads, saves, trains and distils', async (type) => {
    const at = join(folder, type);
    const shape: Shape = {
      type,
      vocabulary: corpus.tokenizer.vocabularySize,
      layers: 2,
      hidden: 8,
      heads: 2,
      kvHeads: 1,
      intermediate: 16,
      maxLength: 40,
      head: 'classifier',
      labels: LABELS.length,
      dropout: 0.1,
      padId: corpus.tokenizer.padId,
    };
    const config = architectureOf({ type }).scratch(shape);
    const saved = { config, labels: LABELS, parameters: randomParameters(config) };
    await mkdir(at, { recursive: true });
    await saveTransformer(at, saved, corpus.tokenizerFolder, { rows: 0, labelled: 0 });
    expect(await loadTransformer(at)).toEqual(saved);

    const data = { kind: 'dataset', path: corpus.data };
    const init = (await runStep(importModel, { options: { model: at } })).outputs.model as string;
    const stage = { updates: 2, learning_rate: 0.001 };
    const teacher = await runStep(train, {
      options: { model: { type: 'pretrained' }, stages: [{ objectives: ['hard-label'], freeze: [1], ...stage }] },
      inputs: { data, init: { kind: 'model', path: init } },
    });
    const model = teacher.outputs.model as string;
    const trained = await loadTransformer(model);
    const specs = architectureOf(config).parameters(config);
    for (const [name, { part }] of Object.entries(specs)) {
      const same = `${trained.parameters[name]?.data}` === `${saved.parameters[name]?.data}`;
      expect(same, name).toBe(part === 1);
    }

    const cached = await capture(join(at, 'cache'), corpus, model, { hidden_states: [0, 2], attention: [2] });
    const student = await runStep(train, {
      options: {
        model: { type: 'pretrained', layers: 1 },
        stages: [
          { objectives: ['hidden-states', 'attention'], ...stage },
          { objectives: ['soft-label', 'hard-label'], ...stage },
        ],
        accumulate: 2,
        batch_size: 5,
      },
      inputs: {
        data,
        init: { kind: 'model', path: model },
        teacher: { kind: 'logits', path: cached.outputs.logits as string },
      },
    });
    const report = await runStep(evaluate, {
      options: {},
      inputs: {
        data,
        teacher: { kind: 'model', path: model },
        students: [{ kind: 'model', path: student.outputs.model as string }],
      },
    });
    expect(report.tables[0]?.rows).toHaveLength(2);
  });

  it.each(FROM_SCRATCH)('%s is made from scratch', async (type) => {
    const { outputs } = await runStep(train, {
      options: {
        model: { type, layers: 1, hidden: 8, heads: 2, max_length: 20, ...(type === 'llama' && { kv_heads: 1 }) },
        stages: [{ objectives: ['hard-label'], updates: 1 }],
      },
      inputs: {
        data: { kind: 'dataset', path: corpus.data },
        tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
      },
    });
    const { config } = await loadTransformer(outputs.model as string);
    expect(config).toMatchObject({ type, layers: 1, hidden: 8, maxLength: 20, positions: 20 });
  });
});
