import type { HostTensor } from '../backend/runner.js';
import { Random } from '../util/random.js';
import type { ParameterSpec } from './architecture.js';

/** Standard deviation of BERT's initial weights (`initializer_range`). */
const DEVIATION = 0.02;

export type Parameters = Record<string, HostTensor & { readonly data: Float32Array }>;

/** Draws a model's first parameters; each has a random stream of its own name, so adding one changes no other. */
export function initialize(specs: Readonly<Record<string, ParameterSpec>>, seed: number): Parameters {
  const parameters: Parameters = {};
  for (const [name, { shape, initial }] of Object.entries(specs)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (initial === 'ones') data.fill(1);
    if (initial === 'normal') {
      const random = new Random(seed, `initialize:${name}`);
      for (let i = 0; i < data.length; i++) data[i] = DEVIATION * random.normal();
    }
    parameters[name] = { dtype: 'float32', shape, data };
  }
  return parameters;
}
