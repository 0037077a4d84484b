import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostTensors } from '../../src/backend/runner.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import type { Parameters } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import { readSafetensors } from '../../src/util/safetensors.js';

const golden = join(import.meta.dirname, '..', 'golden');
export const goldenFile = (name: string): string => join(golden, name);
export const goldenJson = <T>(name: string): T => JSON.parse(readFileSync(goldenFile(name), 'utf8')) as T;

/** What transformers computes with the tiny model (`golden/bert.py`). */
export interface GoldenBert {
  readonly config: TransformerConfig;
  /** Tokens of each text; the rest of a row is padding. */
  readonly lengths: readonly number[];
  readonly ids: readonly number[];
  readonly logits: readonly number[];
  readonly hiddenStates: readonly (readonly number[])[];
  readonly attentionScores: readonly (readonly number[])[];
}

/** The tiny model, its weights and a batch of four texts. */
export async function tinyBert(): Promise<{ golden: GoldenBert; parameters: Parameters; batch: HostTensors }> {
  const found = goldenJson<GoldenBert>('bert.json');
  const { tensors } = await readSafetensors(goldenFile('bert.safetensors'));
  const parameters: Parameters = {};
  for (const [name, { shape, data }] of Object.entries(tensors)) parameters[name] = { dtype: 'float32', shape, data };
  const length = Math.max(...found.lengths);
  const texts = found.lengths.map((n, row) => Int32Array.from(found.ids.slice(row * length, row * length + n)));
  return { golden: found, parameters, batch: padTokens(texts, texts.length, length, 0) };
}
