import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostTensors } from '../../src/backend/runner.js';
import type { Head, TransformerConfig } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import type { Parameters } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import type { JsonObject } from '../../src/util/json.js';
import { readSafetensors } from '../../src/util/safetensors.js';

const golden = join(import.meta.dirname, '..', 'golden');
export const goldenFile = (name: string): string => join(golden, name);
export const goldenJson = <T>(name: string): T => JSON.parse(readFileSync(goldenFile(name), 'utf8')) as T;

/** What transformers computes with a tiny model (`golden/architectures.py`). */
export interface Golden {
  /** `config.json`, and the same as older versions of transformers wrote it. */
  readonly config: JsonObject;
  readonly legacyConfig?: JsonObject;
  /** Tokens of each text; the rest of a row is padding. */
  readonly lengths: readonly number[];
  readonly ids: readonly number[];
  readonly logits: readonly number[];
  readonly hiddenStates: readonly (readonly number[])[];
  readonly attentionScores: readonly (readonly number[])[];
  /** Of each text, and the cross-entropy with them. */
  readonly labels: readonly number[];
  readonly loss: number;
  /** The same body as a language model. */
  readonly lm?: {
    readonly logits: readonly number[];
    readonly loss: number;
    readonly greedy: { readonly prompt: readonly number[]; readonly tokens: readonly number[] };
  };
}

/** What transformers computes with the same body as a masked language model (`golden/masked.py`). */
export interface MaskedGolden {
  readonly architectures: readonly string[];
  readonly ids: readonly number[];
  /** Of the hidden tokens: row · length + place, and which they are. */
  readonly positions: readonly number[];
  readonly targets: readonly number[];
  /** At these places. */
  readonly logits: readonly number[];
  readonly loss: number;
}

export interface Tiny {
  readonly golden: Golden;
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  /** Gradients of the loss, by parameter. */
  readonly gradients: Readonly<Record<string, Float32Array>>;
  readonly batch: HostTensors;
}

/** Tensors of the file that belong to other heads, and what the gradients' names begin with. */
const OTHERS: Readonly<Partial<Record<Head, readonly [RegExp, string]>>> = {
  classifier: [/^(lm-grad:|lm_head)/, 'grad:'],
  'language-model': [/^(grad:|score)/, 'lm-grad:'],
  'masked-language-model': [/^(grad:|classifier|pre_classifier|\w+\.pooler)/, 'mlm-grad:'],
};

/** A tiny model with that head, its weights and a batch of four texts. */
export async function tiny(name: string, head: Head = 'classifier'): Promise<Tiny> {
  const found = goldenJson<Golden>(`${name}.json`);
  const json = found.config as Readonly<Record<string, unknown>>;
  const config = architectureOf({ type: json.model_type as string }).fromHuggingFace(
    json,
    head,
    head === 'classifier' ? 3 : 0,
  );
  const { tensors } = await readSafetensors(goldenFile(`${name}.safetensors`));
  if (head === 'masked-language-model') {
    Object.assign(tensors, (await readSafetensors(goldenFile(`masked-${name}.safetensors`))).tensors);
  }
  const [other, prefix] = OTHERS[head] as readonly [RegExp, string];
  const parameters: Parameters = {};
  const gradients: Record<string, Float32Array> = {};
  for (const [key, { shape, data }] of Object.entries(tensors)) {
    if (other.test(key)) continue;
    if (key.startsWith(prefix)) gradients[key.slice(prefix.length)] = data;
    else parameters[key] = { dtype: 'float32', shape, data };
  }
  const length = Math.max(...found.lengths);
  const texts = found.lengths.map((n, row) => Int32Array.from(found.ids.slice(row * length, row * length + n)));
  return { golden: found, config, parameters, gradients, batch: padTokens(texts, texts.length, length, config.padId) };
}
