// npm run build, then: node bench/trigrams.js WORKPLACE [vocabularies, default 512,1024,2048,4096] [test|validation]
//
// Whether the teacher of recipes/progressive-minillm.yaml, run in WORKPLACE, knows more of language than Kneser–Ney trigrams of
// any vocabulary, learnt from the same passages. All are asked for the same bytes: what follows a passage's first word, up to
// the last word that the teacher reads. The words are all vocabularies' own borders.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDataset } from '../dist/data/dataset.js';
import { KneserNey } from '../dist/data/kneser-ney.js';
import { loadTokenizer } from '../dist/data/tokenizer.js';
import { trainTokenizer } from '../dist/data/train-tokenizer.js';
import { Continuations, surpriseOf } from '../dist/models/continuations.js';
import { loadLanguageModel } from '../dist/models/language-model.js';

const [workplace = '.', vocabularies = '512,1024,2048,4096', part = 'test'] = process.argv.slice(2);
const outputs = finished();
const folder = (step, name) => {
  const { digest } = outputs[step]?.[name] ?? refuse(`the last run in ${workplace} has no ${step}`);
  return join(workplace, '.recipe/store/artifacts', digest.slice(0, 2), digest);
};
const train = await readDataset(folder('general', 'train'));
const held = await readDataset(folder('general', part));
const model = await loadLanguageModel(folder('teacher-language', 'model'), 'onnx', 2);

const texts = [];
for (const { text } of held.rows) {
  const [ids] = await model.tokenizer.encodeWhole([text], 'prompt');
  const whole = ids.length <= model.config.maxLength;
  const read = whole ? text : await model.tokenizer.decode([...ids.subarray(0, model.config.maxLength)]);
  const words = text.split(' ');
  const kept = whole ? words : words.slice(0, read.split(' ').length - 1);
  if (kept.length > 1) texts.push({ first: kept[0], text: kept.join(' ') });
}
const bytes = texts.reduce((sum, { first, text }) => sum + Buffer.byteLength(text) - Buffer.byteLength(first), 0);
const perByte = (losses) => losses.reduce((sum, { loss }) => sum + loss, 0) / bytes / Math.LN2;
const asked = async (tokenizer) => {
  const all = await tokenizer.encodeWhole(
    texts.map(({ text }) => text),
    'prompt',
  );
  const firsts = await tokenizer.encodeWhole(
    texts.map(({ first }) => first),
    'prompt',
  );
  return all.map((ids, i) => ({ ids, given: firsts[i].length }));
};

const own = await asked(model.tokenizer);
const said = await surpriseOf(model.runner, model.config, model.parameters, Continuations.of(own));
await model.runner.release();
console.log(`${part}: ${texts.length} passages, ${bytes} bytes`);
console.log(`teacher, ${model.tokenizer.vocabularySize} entries: ${perByte(said).toFixed(3)} bits per byte`);
for (const vocabulary of vocabularies.split(',').map(Number)) {
  const made = mkdtempSync(join(tmpdir(), 'trigrams-'));
  const quiet = { progress: async () => {}, log: () => {}, signal: new AbortController().signal };
  await trainTokenizer({ type: 'byte-bpe', vocabulary }, folder('general', 'train'), made, quiet);
  const tokenizer = await loadTokenizer(made);
  const learnt = await tokenizer.encodeWhole(
    train.rows.map(({ text }) => text),
    'prompt',
  );
  const ended = learnt.map((ids) => Int32Array.from([...ids, tokenizer.endId]));
  const ngrams = KneserNey.learn(ended, 3, tokenizer.vocabularySize);
  const losses = (await asked(tokenizer)).map((told) => ngrams.surprise(told));
  console.log(`trigrams, ${vocabulary} entries: ${perByte(losses).toFixed(3)} bits per byte`);
}

/** What each step of the last run has given. */
function finished() {
  const runs = join(workplace, '.recipe/runs');
  const last = readdirSync(runs).sort().at(-1) ?? refuse(`nothing was run in ${workplace}`);
  const events = readFileSync(join(runs, last, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return Object.fromEntries(
    events.filter(({ type }) => type === 'step-finished').map(({ step, outputs: given }) => [step, given]),
  );
}

function refuse(message) {
  console.error(message);
  process.exit(2);
}
