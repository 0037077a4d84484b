// Saves the tiny models of architectures.py as we save a trained one, for saved.py to load with transformers:
//
//   npm run build && node test/golden/save.js /tmp/saved && python test/golden/saved.py /tmp/saved
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architectureOf } from '../../dist/models/architectures.js';
import { saveTransformer } from '../../dist/models/checkpoint.js';
import { readSafetensors } from '../../dist/util/safetensors.js';

const [to] = process.argv.slice(2);
const here = import.meta.dirname;
const LABELS = ['first', 'second', 'third'];
const tokenizer = join(to, 'tokenizer');
mkdirSync(tokenizer, { recursive: true });
writeFileSync(join(tokenizer, 'tokenizer_config.json'), '{}');

for (const name of ['bert', 'distilbert', 'roberta', 'gpt2', 'llama', 'llama3', 'qwen2', 'qwen3']) {
  const golden = JSON.parse(readFileSync(join(here, `${name}.json`), 'utf8'));
  const { tensors } = await readSafetensors(join(here, `${name}.safetensors`));
  for (const head of golden.lm ? ['classifier', 'language-model'] : ['classifier']) {
    const labels = head === 'classifier' ? LABELS : [];
    const config = architectureOf({ type: golden.config.model_type }).fromHuggingFace(golden.config, head, labels.length);
    const names = Object.keys(architectureOf(config).parameters(config));
    const parameters = Object.fromEntries(
      names.map((n) => [n, { dtype: 'float32', shape: tensors[n].shape, data: tensors[n].data }]),
    );
    const folder = join(to, `${name}-${head}`);
    mkdirSync(folder, { recursive: true });
    await saveTransformer(folder, { config, labels, parameters }, tokenizer, { rows: 0, labelled: 0 });
    copyFileSync(join(here, `${name}.json`), join(folder, 'golden.json'));
  }
}
