import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { loadTransformer } from '../../src/models/checkpoint.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { importModel } from '../../src/steps/import-model.js';
import { train } from '../../src/steps/train.js';
import { readSafetensors, writeSafetensors } from '../../src/util/safetensors.js';
import { digests, runStep, type TestContext, temporaryFolder } from '../steps/context.js';
import { type Corpus, capture, LABELS, madeUpRows, makeCorpus, makeTeacher, sharedFolder } from '../train/rig.js';
import { type HubFile, HubServer } from './server.js';

const COMMIT = 'c'.repeat(40);

describe('import-model', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(40, 20));
    teacher = await makeTeacher(folder, corpus);
  });

  const imported = async (model: string, variables: Record<string, string> = {}): Promise<TestContext> =>
    runStep(importModel, { options: { model }, variables });
  const without = async (changes: (at: string) => Promise<void>): Promise<string> => {
    const at = await temporaryFolder();
    await cp(teacher, at, { recursive: true });
    await changes(at);
    return at;
  };

  it('takes a folder, and says what it is', async () => {
    const { outputs, logs } = await imported(teacher);
    const model = outputs.model as string;
    expect(await loadTransformer(model)).toEqual(await loadTransformer(teacher));
    expect(JSON.parse(await readFile(join(model, 'recipe.json'), 'utf8'))).toMatchObject({
      type: 'bert',
      labels: LABELS,
      parameters: expect.any(Number),
      source: { folder: true },
    });
    expect(logs[0]?.message).toMatch(/^bert, 4 layers of 12, 0\.0 M parameters, labels ham, spam$/);
    const again = (await imported(teacher)).outputs.model as string;
    expect(await digests(again)).toEqual(await digests(model));
  });

  it('takes a model of the Hub, and names the commit', async () => {
    const files: Record<string, HubFile> = { 'README.md': { bytes: Buffer.from('not needed') } };
    for (const name of await readdir(teacher)) {
      files[name] = { bytes: await readFile(join(teacher, name)), lfs: name.endsWith('.safetensors') };
    }
    const model = { refs: { main: COMMIT }, commits: { [COMMIT]: files } };
    const server = await new HubServer({ 'org/teacher': model }).start();
    const cache = await temporaryFolder();
    const variables = { HF_ENDPOINT: server.url, HF_HUB_CACHE: cache };
    const { outputs, logs } = await imported('hf:org/teacher', variables);
    const made = outputs.model as string;
    expect(await loadTransformer(made)).toEqual(await loadTransformer(teacher));
    const { source } = JSON.parse(await readFile(join(made, 'recipe.json'), 'utf8')) as { source: unknown };
    expect(source).toEqual({ repository: 'org/teacher', commit: COMMIT });
    expect(logs[0]?.message).toBe(`main is commit ${COMMIT}: hf:org/teacher@${COMMIT} pins it`);
    expect(server.seen.some(({ path }) => path.endsWith('README.md'))).toBe(false);
    // Of the cache's links, files: an artifact stands for itself.
    await rm(cache, { recursive: true });
    expect(await loadTransformer(made)).toEqual(await loadTransformer(teacher));
  });

  it('keeps how embeddings are made, and the chat template', async () => {
    const files = {
      'modules.json': '[]',
      '1_Pooling/config.json': '{"pooling_mode_cls_token": true}',
      'chat_template.jinja': 'x',
    };
    const at = await without(async (to) => {
      await mkdir(join(to, '1_Pooling'));
      for (const [name, text] of Object.entries(files)) await writeFile(join(to, name), text);
    });
    const { outputs } = await imported(at);
    for (const [name, text] of Object.entries(files)) {
      expect(await readFile(join(outputs.model as string, name), 'utf8')).toBe(text);
    }
  });

  it('takes weights in several files', async () => {
    const at = await without(async (to) => {
      const { tensors } = await readSafetensors(join(to, 'model.safetensors'));
      const names = Object.keys(tensors);
      const map: Record<string, string> = {};
      for (const [i, file] of ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'].entries()) {
        const own = names.filter((_, k) => k % 2 === i);
        await writeSafetensors(join(to, file), Object.fromEntries(own.map((n) => [n, tensors[n] as never])));
        for (const name of own) map[name] = file;
      }
      await writeFile(join(to, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
      await rm(join(to, 'model.safetensors'));
    });
    const { outputs } = await imported(at);
    expect(await loadTransformer(outputs.model as string)).toEqual(await loadTransformer(teacher));
  });

  it('makes a tokenizer of an older folder’s vocabulary', async () => {
    const at = await without((to) => rm(join(to, 'tokenizer.json')));
    const { outputs } = await imported(at);
    const [old, made] = [await loadTokenizer(teacher), await loadTokenizer(outputs.model as string)];
    const texts = ['Winner! Cheap pills', 'the Agenda of lunch', 'Ünknown   wörds'];
    expect((await made.encode(texts, 20)).flat).toEqual((await old.encode(texts, 20)).flat);
    expect(made.padId).toBe(old.padId);
  });

  it('makes one of byte pairs, GPT-2’s and RoBERTa’s', async () => {
    const { writeTokenizer } = await import('../../src/data/legacy-tokenizer.js');
    const at = await temporaryFolder();
    const pieces = ['<s>', '<pad>', '</s>', '<unk>', 'a', 'b', 'c', 'Ġ', 'ab', 'Ġc', 'Ġab', '<|endoftext|>'];
    await writeFile(join(at, 'vocab.json'), JSON.stringify(Object.fromEntries(pieces.map((p, i) => [p, i]))));
    await writeFile(join(at, 'merges.txt'), '#version: 0.2\na b\nĠ c\nĠ ab\n');
    const gpt2 = await temporaryFolder();
    await writeTokenizer(at, 'gpt2', join(gpt2, 'tokenizer.json'));
    const plain = await loadTokenizer(gpt2);
    expect([...(await plain.encode(['abc ab c', ''], 10)).flat]).toEqual([8, 6, 10, 9]);
    expect([...(await plain.encode(['abc ab c'], 2)).flat]).toEqual([8, 6]); // nothing stands at the end
    const roberta = await temporaryFolder();
    await writeTokenizer(at, 'roberta', join(roberta, 'tokenizer.json'));
    const around = await loadTokenizer(roberta);
    expect([...(await around.encode(['abc ab c'], 10)).flat]).toEqual([0, 8, 6, 10, 9, 2]);
    expect([...(await around.encode(['abc ab c'], 4)).flat]).toEqual([0, 8, 6, 2]);
    expect(around.padId).toBe(1);
    const decoder = Tokenizer.fromString(await readFile(join(roberta, 'tokenizer.json'), 'utf8'));
    expect(await decoder.decode([8, 6, 10, 9], true)).toBe('abc ab c');
  });

  it('trains on from it, with some layers, and the result can be judged', async () => {
    const model = (await imported(teacher)).outputs.model as string;
    const cached = await capture(join(folder, 'cached'), corpus, teacher, { hidden_states: [0, 2, 4] });
    const data = { kind: 'dataset', path: corpus.data };
    const { outputs, progress } = await runStep(train, {
      options: {
        model: { type: 'pretrained', layers: 2 },
        stages: [
          { objectives: [{ type: 'hidden-states', layer_map: 'uniform' }], updates: 2 },
          { objectives: ['soft-label', 'hard-label'], updates: 2, validate: { every: 1, metric: 'accuracy' } },
        ],
      },
      inputs: {
        data,
        validation: data,
        init: { kind: 'model', path: model },
        teacher: { kind: 'logits', path: cached.outputs.logits as string },
      },
    });
    const student = outputs.model as string;
    expect((await loadTransformer(student)).config).toMatchObject({ layers: 2, hidden: 12, maxLength: 40 });
    expect(progress.at(-1)?.losses).toEqual({ 'soft-label': expect.any(Number), 'hard-label': expect.any(Number) });
    expect(progress.at(-1)?.gradientNorm).toBeGreaterThan(0);
    const judged = await runStep(evaluate, {
      options: {},
      inputs: { data, students: [{ kind: 'model', path: student }], teacher: { kind: 'model', path: model } },
    });
    expect(judged.tables).toHaveLength(1);
  });

  it('says what is wrong with a folder', async () => {
    const attempt = async (message: string, changes: (at: string) => Promise<void>): Promise<void> => {
      const at = await without(changes);
      await expect(imported(at)).rejects.toThrow(message);
    };
    const edit = (changes: object) => async (at: string) => {
      const config = JSON.parse(await readFile(join(at, 'config.json'), 'utf8')) as object;
      await writeFile(join(at, 'config.json'), JSON.stringify({ ...config, ...changes }));
    };
    await attempt('cannot read a model from', (at) => rm(join(at, 'config.json')));
    await attempt('there is no model of type "t5"', edit({ model_type: 't5' }));
    await attempt('has no model.safetensors', (at) => rm(join(at, 'model.safetensors')));
    await attempt(
      'tensor "bert.encoder.layer.0.intermediate.dense.weight" of shape [24,12] has shape [20,12]',
      edit({ intermediate_size: 24 }),
    );
    await attempt('has no tokenizer.json, vocab.txt or merges.txt', async (at) => {
      await rm(join(at, 'tokenizer.json'));
      await rm(join(at, 'vocab.txt'));
    });
    await attempt('tokens, but the model has embeddings for', async (at) => {
      const json = JSON.parse(await readFile(join(at, 'tokenizer.json'), 'utf8')) as { added_tokens: object[] };
      const more = { id: 100, content: '[NEW]', special: true, single_word: false, lstrip: false, rstrip: false };
      json.added_tokens.push({ ...more, normalized: false });
      await writeFile(join(at, 'tokenizer.json'), JSON.stringify(json));
    });
    await expect(imported('hf:../x')).rejects.toThrow('does not name a model on the Hugging Face Hub');
    await mkdir(join(folder, 'empty'), { recursive: true });
    await expect(imported(join(folder, 'empty'))).rejects.toThrow('cannot read a model from');
  });
});
