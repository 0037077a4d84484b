import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Head } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { sharedFolder } from '../train/rig.js';

/**
 * `golden/saved.py` loaded these very bytes with Python's transformers and found the logits of `golden/*.json`. If what
 * is saved changes, this fails; then save the folders, let Python judge them and write `saved.json` anew:
 *
 *   SAVE_TO=/tmp/saved npx vitest run test/models/saved.test.ts; python test/golden/saved.py /tmp/saved
 */
const golden = new URL('../golden/', import.meta.url);
const json = async (name: string) => JSON.parse(await readFile(new URL(name, golden), 'utf8'));
const LABELS = ['first', 'second', 'third'];
const judged: Record<string, Record<string, string>> = await json('saved.json');
const to = process.env.SAVE_TO ?? (await sharedFolder());

/** Which case of `golden/tasks.json` has a head's weights. */
const CASES: Readonly<Record<string, string>> = {
  'token-classifier': 'tags',
  'multi-label': 'labels',
  regression: 'score',
};

/** The weights of a head that `golden/tasks.py` made; none for the others. */
async function ofTask(title: string) {
  const { tensors } = await readSafetensors(new URL('tasks.safetensors', golden).pathname);
  const own = Object.entries(tensors).filter(([key]) => key.startsWith(`${title}/`));
  return Object.fromEntries(own.map(([key, tensor]) => [key.slice(title.length + 1), tensor]));
}

/** The weights of the head that `golden/masked.py` made. */
const ofMasked = async (name: string) =>
  (await readSafetensors(new URL(`masked-${name}.safetensors`, golden).pathname)).tensors;

it.each(Object.keys(judged))('%s is saved as transformers has loaded it', async (folder) => {
  const [, name = '', head] = /^(\w+?)-(.+)$/.exec(folder) ?? [];
  const { config: huggingFace } = await json(`${name}.json`);
  const { tensors } = await readSafetensors(new URL(`${name}.safetensors`, golden).pathname);
  const labels = /language-model$/.test(head as string) ? [] : head === 'regression' ? ['score'] : LABELS;
  const made = await (head === 'masked-language-model' ? ofMasked(name) : ofTask(`${name} ${CASES[head as string]}`));
  const architecture = architectureOf({ type: huggingFace.model_type });
  const config = architecture.fromHuggingFace(huggingFace, head as Head, labels.length);
  const parameters = Object.fromEntries(
    Object.keys(architecture.parameters(config)).map((key) => {
      const { shape, data } = made[key] ?? tensors[key] ?? { shape: [], data: new Float32Array() };
      return [key, { dtype: 'float32' as const, shape, data: data as Float32Array }];
    }),
  );
  const tokenizer = join(to, 'tokenizer');
  await mkdir(tokenizer, { recursive: true });
  await writeFile(join(tokenizer, 'tokenizer_config.json'), '{}');
  const at = join(to, folder);
  await mkdir(at, { recursive: true });
  await saveTransformer(at, { config, labels, parameters }, tokenizer, { rows: 0, labelled: 0 });
  const digests: Record<string, string> = {};
  for (const file of ['config.json', 'model.safetensors']) {
    digests[file] = createHash('sha256')
      .update(await readFile(join(at, file)))
      .digest('hex');
  }
  expect(digests).toEqual(judged[folder]);
});
