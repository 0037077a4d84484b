import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { writeDataset } from '../../src/data/dataset.js';
import { Vectorizer } from '../../src/models/logistic/features.js';
import { logisticFamily, logitsOf, saveLogistic, trainLogistic } from '../../src/models/logistic.js';
import { temporaryFolder } from '../steps/context.js';
import { rowsOf, runExport } from './rig.js';

const OPTIONS = { word_ngrams: 2, min_count: 1, max_features: 500, max_words: 20, lowercase: true, l2: 1e-3 };

/** @param labels two have weights for one of them only */
async function exported(labels: readonly string[], options = OPTIONS) {
  const root = await temporaryFolder();
  const rows = [...rowsOf(60), { id: 'empty', text: '', label: null }].map((row, i) => ({
    ...row,
    label: labels[i % labels.length] as string,
  }));
  const data = join(root, 'data');
  const model = join(root, 'model');
  await mkdir(data);
  await mkdir(model);
  await writeDataset(data, labels, rows);
  const targets = Float32Array.from(rows.flatMap(({ label }) => labels.map((each) => Number(each === label))));
  const trained = await trainLogistic({ texts: rows.map(({ text }) => text), targets, labels, options });
  await saveLogistic(model, trained, { rows: 60, labelled: 60 });
  const { outputs, tables } = await runExport(root, { model, data });
  return { rows, model, folder: outputs.model as string, tables };
}

it.each([
  ['two labels, pairs of words', ['ham', 'spam'], OPTIONS],
  ['three labels, words alone', ['a', 'b', 'c'], { ...OPTIONS, word_ngrams: 1 }],
])('a logistic model becomes an ONNX file that answers as it does: %s', async (_, labels, options) => {
  const { folder, tables } = await exported(labels, options);
  expect(tables[0]?.notes[0]).toMatch(/^ONNX Runtime: at most \d\.\de-\d\d? from the model’s logits on 61 rows\.$/);
  expect(tables[0]?.rows.map(([file]) => file)).toEqual(['model.safetensors', 'model.json', 'onnx/model.onnx']);
  const card = await readFile(join(folder, 'README.md'), 'utf8');
  expect(card).not.toContain('pipeline_tag');
  expect(card).toContain('transformers.js loads transformers only; checked with ONNX Runtime alone.');
});

it('its JSON is enough to apply it', async () => {
  const { rows, model, folder } = await exported(['ham', 'spam']);
  const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  const texts = rows.map(({ text }) => text);
  const vectorizer = new Vectorizer(
    { ngrams: json.ngrams, idf: Float32Array.from(json.idf) },
    { ...OPTIONS, ...json.words },
  );
  const applied = logitsOf(vectorizer.transform(texts), {
    labels: json.labels,
    weight: Float32Array.from(json.weight),
    bias: Float32Array.from(json.bias),
  });
  const predictor = await logisticFamily.load(model, 'onnx', 1);
  expect(applied).toEqual(await predictor.predict(texts));
});

it('the card’s JavaScript runs, and says what the model says', async () => {
  const { rows, model, folder } = await exported(['ham', 'spam']);
  const card = await readFile(join(folder, 'README.md'), 'utf8');
  const script = /```js\n(.*?)```/s.exec(card)?.[1] as string;
  const text = rows[7]?.text as string;
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'junction');
  await writeFile(join(folder, 'ask.mjs'), script.replace("'A text.'", JSON.stringify(text)));
  const predictor = await logisticFamily.load(model, 'onnx', 1);
  const [a, b] = await predictor.predict([text]);
  const said = execFileSync(process.execPath, ['ask.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(said.trim()).toBe((a as number) > (b as number) ? 'ham' : 'spam');
});
