import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Weights, weightBytes, weightFiles } from '../../src/models/weights.js';
import { writeSafetensors } from '../../src/util/safetensors.js';
import { temporaryFolder } from '../steps/context.js';

const tensor = (...data: number[]) => ({ dtype: 'F32' as const, shape: [data.length], data: Float32Array.from(data) });

it('reads tensors from wherever the index says they are', async () => {
  const folder = await temporaryFolder();
  const [one, two] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  await writeSafetensors(join(folder, one), { a: tensor(1, 2) });
  await writeSafetensors(join(folder, two), { b: tensor(3), c: tensor(4, 5, 6) });
  const index = { weight_map: { a: one, b: two, c: two } };
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  expect(await weightFiles(folder)).toEqual({ index: true, files: [one, two] });
  expect(await weightBytes(folder)).toBeGreaterThan(24);
  const weights = await Weights.open(folder);
  expect([weights.shape('a'), weights.shape('c'), weights.shape('d')]).toEqual([[2], [3], undefined]);
  expect([...(await weights.read('a')), ...(await weights.read('c'))]).toEqual([1, 2, 4, 5, 6]);
  await weights.close();
  await rm(join(folder, two));
  await expect(Weights.open(folder)).rejects.toMatchObject({
    reason: 'no-weights',
    message: `the index of the weights names ${join(folder, two)}, which is not there`,
  });
});

it('says what it cannot read', async () => {
  const folder = await temporaryFolder();
  await expect(Weights.open(folder)).rejects.toThrow(`${folder} has no model.safetensors`);
  await writeFile(join(folder, 'pytorch_model.bin'), '');
  await expect(Weights.open(folder)).rejects.toMatchObject({ hint: expect.stringContaining('is a pickle') });
});
