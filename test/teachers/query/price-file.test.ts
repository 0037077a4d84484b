import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { priceFrom } from '../../../src/teachers/query/price-file.js';
import { temporaryFolder } from '../../steps/context.js';
import { numbered, query, serve } from './rig.js';

const TABLE = {
  sample_spec: { mode: 'chat' },
  'small-1': { input: 0.5, output: 2 },
  'vllm/small-2': { input_cost_per_token: 4e-7, cache_read_input_token_cost: 1e-7, output_cost_per_token: 1.6e-6 },
  large: { input: 5, output: 'much' },
};

async function file(content: string): Promise<string> {
  const path = join(await temporaryFolder(), 'prices.json');
  await writeFile(path, content);
  return path;
}

describe('prices by file', () => {
  it('are found under either name, for a million tokens or for one', async () => {
    const path = await file(JSON.stringify(TABLE));
    expect(await priceFrom(path, ['small-1', 'vllm/small-1'])).toEqual({ input: 0.5, output: 2 });
    const perToken = { input: 0.4, cached_input: 0.1, output: 1.6 };
    expect(await priceFrom(path, ['small-2', 'vllm/small-2'])).toEqual(perToken);
  });

  it('say what is wrong with the file', async () => {
    const path = await file(JSON.stringify(TABLE));
    await expect(priceFrom(path, ['small'])).rejects.toMatchObject({
      message: `${path} has no price of "small"`,
      hint: 'It has small-1, vllm/small-2, sample_spec, large.',
    });
    await expect(priceFrom(path, ['large'])).rejects.toThrow('what it says of "large" is no price');
    await expect(priceFrom(await file('[1]'), ['a'])).rejects.toThrow('holds no object with a price');
    await expect(priceFrom(await file('{'), ['a'])).rejects.toThrow('cannot be read as JSON');
  });

  it('are what a step counts with', async () => {
    const server = await serve();
    const price = await file(JSON.stringify({ m: { input: 1000, output: 2000 } }));
    const { measured } = await query(await numbered(20), { teacher: { base_url: server.url, model: 'm', price } });
    const billed = (server.billed.prompt * 1000 + server.billed.completion * 2000) / 1e6;
    expect((measured.usage as { usd: number }).usd).toBeCloseTo(billed, 9);
  });
});
