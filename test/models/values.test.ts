import { afterAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import type { LastTokens } from '../../src/models/architecture.js';
import { encode } from '../../src/models/forward.js';
import { valueShape } from '../../src/models/values.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { expectClose } from '../backend/rig.js';
import { goldenFile, tiny } from './tiny.js';

describe('values of attention', async () => {
  const { tensors: expected } = await readSafetensors(goldenFile('values.safetensors'));
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());

  it.each(['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama', 'llama3', 'qwen2', 'qwen3'])(
    'are those of transformers: %s',
    async (name) => {
      const { golden, config, parameters, batch } = await tiny(name);
      for (const lastTokens of ['all', 'pooled'] as LastTokens[]) {
        const out = await runner.forward(
          {
            key: `${name} ${lastTokens}`,
            call: (p, b) => {
              const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens };
              const { values } = encode(config, p, input);
              return Object.fromEntries(values.map((t, i) => [`${name}/${i + 1}`, t]));
            },
          },
          parameters,
          batch,
        );
        const { heads, width } = valueShape(config);
        const length = Math.max(...golden.lengths);
        expect(Object.keys(out)).toHaveLength(config.layers);
        for (const [key, mine] of Object.entries(out)) {
          const theirs = expected[key];
          expect(theirs?.shape).toEqual([golden.lengths.length, heads, length, width]);
          // What stands at padding is nobody's business.
          for (const [row, n] of golden.lengths.entries()) {
            for (let head = 0; head < heads; head++) {
              const at = (row * heads + head) * length * width;
              const [a, b] = [mine, theirs?.data as Float32Array].map((all) => all.subarray(at, at + n * width));
              expectClose(a as Float32Array, b as Float32Array, `${key}, row ${row}, head ${head}`, 1e-5);
            }
          }
        }
      }
    },
  );
});
