import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TensorFunction } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { TransformerConfig } from '../models/architecture.js';
import { lastTokens } from '../models/decoder.js';
import { encode } from '../models/forward.js';
import { StepFailure } from '../util/failure.js';

/** How a text's embedding is made of its tokens' last hidden states. */
export interface Pooling {
  readonly mode: 'mean' | 'max' | 'first' | 'last';
  /** To length 1. */
  readonly normalized: boolean;
}

const MODES: Readonly<Record<string, Pooling['mode']>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_max_tokens: 'max',
  pooling_mode_cls_token: 'first',
  pooling_mode_lasttoken: 'last',
};

/**
 * What a folder in the layout of sentence-transformers says of its embeddings (`modules.json`, and `config.json` in the
 * folder of its pooling); the mean over all tokens where it says nothing.
 *
 * @throws StepFailure if its embeddings are computed in another way than any here
 */
export async function readPooling(folder: string): Promise<Pooling> {
  const modules = ((await readJson(join(folder, 'modules.json'))) ?? []) as readonly { path?: string; type?: string }[];
  // Versions of the package have the class in different modules.
  const kinds = modules.map(({ type = '' }) => type.split('.').at(-1) as string);
  const other = kinds.find((kind) => !['Transformer', 'Pooling', 'Normalize'].includes(kind));
  if (other !== undefined) throw unsupported(folder, `modules.json names a ${other}`);
  const place = modules[kinds.indexOf('Pooling')]?.path ?? '1_Pooling';
  const config = ((await readJson(join(folder, place, 'config.json'))) ?? {}) as Readonly<Record<string, unknown>>;
  const asked = Object.keys(config).filter((key) => key.startsWith('pooling_mode') && config[key] === true);
  const modes = asked.map((key) => MODES[key]);
  if (modes.length > 1 || modes.includes(undefined)) {
    throw unsupported(folder, `${place}/config.json asks for ${asked.join(' and ')}`);
  }
  return { mode: modes[0] ?? 'mean', normalized: kinds.includes('Normalize') };
}

const unsupported = (folder: string, what: string): StepFailure =>
  new StepFailure(
    'unsupported-model',
    `the embeddings of ${folder} cannot be computed here: ${what}`,
    `Only one pooling of ${Object.keys(MODES).join(', ')}, and a Normalize after it, are.`,
  );

const MASKED = 1e9;

/** Embeddings [batch, hidden] of texts, not normalised; zeros for the mean of a text without tokens. */
export function embeddingFunction(config: TransformerConfig, mode: Pooling['mode']): TensorFunction {
  return {
    key: `embedding ${mode} ${JSON.stringify(config)}`,
    call: (p, b) => {
      const mask = b.mask as Tensor;
      const { hiddenStates } = encode(config, p, { ids: b.ids as Tensor, mask, dropout: [], lastTokens: 'all' });
      return { embedding: pooled(mode, mask, hiddenStates.at(-1) as Tensor) };
    },
  };
}

/**
 * @param mask [batch, length]
 * @param states [batch, length, hidden]
 */
function pooled(mode: Pooling['mode'], mask: Tensor, states: Tensor): Tensor {
  const [batch, length, hidden] = states.shape as [number, number, number];
  switch (mode) {
    case 'mean': {
      const sum = tf.matMul(tf.reshape(mask, [batch, 1, length]), states);
      return tf.div(tf.reshape(sum, [batch, hidden]), tf.maximum(tf.sum(mask, 1, true), 1));
    }
    case 'max': {
      const hide = tf.mul(tf.sub(tf.reshape(mask, [batch, length, 1]), 1), MASKED);
      return tf.max(tf.add(states, hide), 1);
    }
    case 'first':
      return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
    case 'last':
      return tf.reshape(lastTokens(mask, states), [batch, hidden]);
  }
}

/** Scales to length 1, in place; zeros stay. */
export function normalize(vector: Float32Array): Float32Array {
  const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm;
  return vector;
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new StepFailure('unsupported-model', `${file} is not JSON`);
  }
}
