import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';

/** Where transformers.js looks for a model's graphs. */
export const EXACT = 'onnx/model.onnx';
export const SHORT = 'onnx/model_quantized.onnx';

/** What the store keeps beside an artifact's files. */
const MANIFEST = 'manifest.json';

/** `tokenizer_class` that tells transformers.js which tensors a tokenizer gives; `tokenizer.json` says all else. */
const CLASSES: Readonly<Record<string, string>> = {
  bert: 'BertTokenizer',
  distilbert: 'DistilBertTokenizer',
  roberta: 'RobertaTokenizer',
  gpt2: 'GPT2Tokenizer',
};

/** Copies a model's folder; what Python's transformers loads is in it already. */
export async function copyModel(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (name !== MANIFEST) await cp(join(from, name), join(to, name), { recursive: true });
  }
}

/**
 * Completes a model's folder with what transformers.js has to find in its settings: which token fills up a batch, which
 * one begins and ends a text.
 * @param dtype the graph to take where nothing is said; without it transformers.js takes 8-bit integers in a browser
 */
export async function completeSettings(folder: string, config: TransformerConfig, dtype?: 'fp32'): Promise<void> {
  const { tokenizer } = await openTokenizer(folder);
  const [begins] = await tokenizer.encodeBatch([''], { addSpecialTokens: true });
  const pad = tokenizer.idToToken(config.padId);
  await amend(join(folder, 'tokenizer_config.json'), {
    tokenizer_class: CLASSES[config.type] ?? 'PreTrainedTokenizerFast',
    ...(pad !== null && { pad_token: pad }),
    ...(config.head === 'language-model' && (begins?.getLength() ?? 0) > 0 && { add_bos_token: true }),
  });
  if (dtype !== undefined) await amend(join(folder, 'config.json'), { 'transformers.js_config': { dtype } });
  if (config.head === 'language-model') {
    await amend(join(folder, 'generation_config.json'), {
      bos_token_id: config.eosId,
      eos_token_id: config.eosId,
      pad_token_id: config.padId,
    });
  }
}

/** Adds to a JSON file, or makes it; what it says already stays. */
async function amend(file: string, more: Readonly<Record<string, unknown>>): Promise<void> {
  const known = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, unknown>,
    () => ({}),
  );
  const missing = Object.entries(more).filter(([key]) => (known as Record<string, unknown>)[key] == null);
  await writeFile(file, `${JSON.stringify({ ...known, ...Object.fromEntries(missing) }, null, 2)}\n`);
}
