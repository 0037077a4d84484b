import { type Tensor, tf } from '../backend/tf.js';
import { StepFailure } from '../util/failure.js';
import { settings } from './settings.js';

/** Rotary positions (Su et al. 2021, arXiv:2104.09864), as Hugging Face's Llama has them. */

/** Llama 3's stretching of slow angles (its `rope_type` is `llama3`), or that of all angles (`linear`). */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFactor: number;
      readonly highFactor: number;
      /** Positions that the model knew before it was stretched. */
      readonly positions: number;
    };

export interface Rope {
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
}

/**
 * Reads `rope_theta` and `rope_scaling`, or the one `rope_parameters` that transformers 5 writes.
 * @throws StepFailure for a kind of scaling that is not known here
 */
export function readRope(json: Readonly<Record<string, unknown>>): Rope {
  // transformers takes the older key where both are there.
  const found = (json.rope_scaling ?? json.rope_parameters ?? {}) as Readonly<Record<string, unknown>>;
  const { number, only } = settings(found);
  only({ partial_rotary_factor: 1 });
  settings(json).only({ partial_rotary_factor: 1 });
  const ropeTheta = number('rope_theta', settings(json).number('rope_theta', 10_000));
  const type = found.rope_type ?? found.type ?? 'default';
  if (type === 'default') return { ropeTheta, ropeScaling: undefined };
  if (type === 'linear') return { ropeTheta, ropeScaling: { type, factor: number('factor') } };
  if (type !== 'llama3') {
    throw new StepFailure(
      'unsupported-model',
      `config.json has rotary positions of type ${JSON.stringify(type)}, and only default, linear and llama3 can be computed here`,
    );
  }
  return {
    ropeTheta,
    ropeScaling: {
      type,
      factor: number('factor'),
      lowFactor: number('low_freq_factor'),
      highFactor: number('high_freq_factor'),
      positions: number('original_max_position_embeddings', settings(json).number('max_position_embeddings')),
    },
  };
}

/** The older form, which every version of transformers reads. */
export function writeRope({ ropeTheta, ropeScaling }: Rope): Record<string, unknown> {
  const theta = { rope_theta: ropeTheta };
  if (!ropeScaling) return { ...theta, rope_scaling: null };
  const { type: rope_type, factor } = ropeScaling;
  if (ropeScaling.type === 'linear') return { ...theta, rope_scaling: { rope_type, factor } };
  const { lowFactor, highFactor, positions } = ropeScaling;
  return {
    ...theta,
    rope_scaling: {
      rope_type,
      factor,
      low_freq_factor: lowFactor,
      high_freq_factor: highFactor,
      original_max_position_embeddings: positions,
    },
  };
}

/** Radians that each pair of a head's values turns with a position: width / 2 of them. */
export function frequencies(width: number, { ropeTheta, ropeScaling }: Rope): number[] {
  const plain = Array.from({ length: width / 2 }, (_, i) => ropeTheta ** ((-2 * i) / width));
  if (!ropeScaling) return plain;
  const { factor } = ropeScaling;
  if (ropeScaling.type === 'linear') return plain.map((rate) => rate / factor);
  const { lowFactor, highFactor, positions } = ropeScaling;
  return plain.map((rate) => {
    // Turns within the positions known before: many are kept, few are stretched, and between them it goes smoothly.
    const turns = (positions * rate) / (2 * Math.PI);
    const kept = Math.min(1, Math.max(0, (turns - lowFactor) / (highFactor - lowFactor)));
    return (1 - kept) * (rate / factor) + kept * rate;
  });
}

/**
 * Turns each pair (i, i + width/2) of x [batch, heads, length, width] by its position's angle.
 * @param cos, sin [length, width / 2], or [batch, 1, length, width / 2]
 */
export function rotate(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const [a, b] = tf.split(x, 2, 3) as [Tensor, Tensor];
  return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], 3);
}
