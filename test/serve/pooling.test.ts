import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { encode } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import { embeddingFunction, normalize, type Pooling, readPooling } from '../../src/serve/pooling.js';
import { expectClose } from '../backend/rig.js';
import { tiny } from '../models/tiny.js';
import { temporaryFolder } from '../steps/context.js';

const runner = await createRunner('onnx', 1);
afterAll(() => runner.release());
const TEXTS = [Int32Array.of(7, 8, 9, 10, 11), Int32Array.of(12, 13), Int32Array.of(14)];

describe.each(['bert', 'llama'])('embeddings of %s', async (name) => {
  const { config, parameters } = await tiny(name);
  const { hidden } = config;
  /** Each text's own hidden states, computed alone. */
  const states = await Promise.all(
    TEXTS.map(async (text) => {
      const fn = {
        key: `states ${name}`,
        call: (p: Readonly<Record<string, Tensor>>, b: Readonly<Record<string, Tensor>>) => ({
          states: encode(config, p, {
            ids: b.ids as Tensor,
            mask: b.mask as Tensor,
            dropout: [],
            lastTokens: 'all',
          }).hiddenStates.at(-1) as Tensor,
        }),
      };
      const { states: flat } = await runner.forward(fn, parameters, padTokens([text], 1, text.length, config.padId));
      return Array.from(text, (_, i) => [...(flat as Float32Array).subarray(i * hidden, (i + 1) * hidden)]);
    }),
  );
  const column = (rows: readonly number[][], i: number): number[] => rows.map((row) => row[i] as number);
  const pool: Record<Pooling['mode'], (rows: readonly number[][], i: number) => number> = {
    mean: (rows, i) => column(rows, i).reduce((a, b) => a + b, 0) / rows.length,
    max: (rows, i) => Math.max(...column(rows, i)),
    first: (rows, i) => column(rows, i)[0] as number,
    last: (rows, i) => column(rows, i).at(-1) as number,
  };

  it.each(['mean', 'max', 'first', 'last'] as const)('%s, of real tokens only', async (mode) => {
    const batch = padTokens(TEXTS, 4, 9, config.padId);
    const { embedding } = await runner.forward(embeddingFunction(config, mode), parameters, batch);
    const expected = states.flatMap((rows) => Array.from({ length: hidden }, (_, i) => pool[mode](rows, i)));
    expectClose((embedding as Float32Array).subarray(0, expected.length), expected, mode, 1e-5);
    if (mode === 'mean') expect((embedding as Float32Array).slice(3 * hidden)).toEqual(new Float32Array(hidden));
  });
});

describe('what a folder says of its embeddings', () => {
  const NORMALIZED = ['Transformer', 'Pooling', 'Normalize'];
  async function pooling(modules?: readonly string[], config?: object): Promise<Pooling> {
    const folder = await temporaryFolder();
    if (modules) {
      const list = modules.map((kind, i) => ({
        path: i === 0 ? '' : `${i}_${kind}`,
        type:
          i === 1
            ? `sentence_transformers.sentence_transformer.modules.pooling.${kind}`
            : `sentence_transformers.models.${kind}`,
      }));
      await writeFile(join(folder, 'modules.json'), JSON.stringify(list));
    }
    if (config) {
      await mkdir(join(folder, '1_Pooling'));
      await writeFile(join(folder, '1_Pooling/config.json'), JSON.stringify(config));
    }
    return readPooling(folder);
  }

  it('is the mean where it says nothing', async () => {
    expect(await pooling()).toEqual({ mode: 'mean', normalized: false });
  });

  it.each([
    ['pooling_mode_cls_token', 'first'],
    ['pooling_mode_mean_tokens', 'mean'],
    ['pooling_mode_max_tokens', 'max'],
    ['pooling_mode_lasttoken', 'last'],
  ])('%s is %s', async (key, mode) => {
    const config = { word_embedding_dimension: 8, pooling_mode_mean_tokens: false, [key]: true, include_prompt: true };
    expect(await pooling(NORMALIZED, config)).toEqual({ mode, normalized: true });
    expect(await pooling(NORMALIZED.slice(0, 2), config)).toEqual({ mode, normalized: false });
  });

  it('is refused where it is computed in another way', async () => {
    await expect(pooling([...NORMALIZED.slice(0, 2), 'Dense'])).rejects.toThrow('modules.json names a Dense');
    const two = { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true };
    await expect(pooling(NORMALIZED, two)).rejects.toThrow('pooling_mode_cls_token and pooling_mode_mean_tokens');
    await expect(pooling(NORMALIZED, { pooling_mode_weightedmean_tokens: true })).rejects.toThrow('weightedmean');
  });
});

it('normalises to length 1, and leaves zeros', () => {
  expect(normalize(Float32Array.of(3, 4))).toEqual(Float32Array.of(0.6, 0.8));
  expect(normalize(Float32Array.of(0, 0))).toEqual(Float32Array.of(0, 0));
});
