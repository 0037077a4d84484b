import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors, SafetensorsFile, type Tensor32, writeSafetensors } from '../../src/util/safetensors.js';
import { temporaryFolder } from '../steps/context.js';

const tensor = (shape: number[], ...data: number[]): Tensor32 => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(data),
});

test('what is written is read again, metadata and empty tensors too', async () => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  const tensors = { b: tensor([2, 3], 1, 2, 3, 4, 5, 6), a: tensor([], 7), none: tensor([0, 4]) };
  await writeSafetensors(file, tensors, { format: 'pt' });
  const read = await readSafetensors(file);
  expect(read.metadata).toEqual({ format: 'pt' });
  expect(read.tensors).toEqual(tensors);
});

test('the bytes are the format, in order of names', async () => {
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, '1'), { b: tensor([1], 1.5), a: tensor([2], 2, 3) });
  await writeSafetensors(join(folder, '2'), { a: tensor([2], 2, 3), b: tensor([1], 1.5) });
  const bytes = await readFile(join(folder, '1'));
  expect(await readFile(join(folder, '2'))).toEqual(bytes);
  const header = Number(bytes.readBigUInt64LE());
  expect(header % 8).toBe(0);
  expect(JSON.parse(bytes.toString('utf8', 8, 8 + header))).toEqual({
    a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
  });
  expect([0, 4, 8].map((at) => bytes.readFloatLE(8 + header + at))).toEqual([2, 3, 1.5]);
});

test('a view into a larger array writes only itself', async () => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  const data = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
  await writeSafetensors(file, { a: { dtype: 'F32', shape: [2], data } });
  expect([...((await readSafetensors(file)).tensors.a?.data ?? [])]).toEqual([1, 2]);
});

test('a shape that does not hold the data is refused', async () => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  await expect(writeSafetensors(file, { a: tensor([3], 1) })).rejects.toThrow(
    'tensor "a": shape [3] does not hold 1 numbers',
  );
});

const header = (value: unknown, data = 0): Buffer => {
  const text = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(data)]);
};

test.each([
  ['its header is cut off', Buffer.from('abc')],
  ['its header is cut off', header('{}').subarray(0, 9)],
  ['its header is not JSON', header('{a')],
  ['tensor "a" has no shape or no place', header({ a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, 4)],
  ['tensor "a" does not fit its place', header({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4)],
  ['tensor "a" does not fit its place', header({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, 4)],
])('a damaged file: %s', async (what, bytes) => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  await writeFile(file, bytes);
  await expect(readSafetensors(file)).rejects.toMatchObject({
    reason: 'damaged-weights',
    message: `${file} is not a safetensors file: ${what}`,
  });
});

test('floats of 16 bits are read as the numbers they stand for, in pieces too', async () => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  // 1, -2, 2^-24 (the least of float16), infinity; and 1, -2, 2^-126, infinity in bfloat16.
  const half = Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00).buffer);
  const brain = Buffer.from(Uint16Array.of(0x3f80, 0xc000, 0x0080, 0x7f80).buffer);
  const n = 2 ** 20 + 3;
  const long = Buffer.from(Uint16Array.from({ length: n }, (_, i) => (i === n - 1 ? 0x4000 : 0x3c00)).buffer);
  const places = {
    a: { dtype: 'F16', shape: [4], data_offsets: [0, 8] },
    b: { dtype: 'BF16', shape: [2, 2], data_offsets: [8, 16] },
    c: { dtype: 'F16', shape: [n], data_offsets: [16, 16 + 2 * n] },
    d: { dtype: 'I64', shape: [1], data_offsets: [16 + 2 * n, 24 + 2 * n] },
  };
  await writeFile(file, Buffer.concat([header(places), half, brain, long, Buffer.alloc(8)]));
  const source = await SafetensorsFile.open(file);
  expect(source.names).toEqual(['a', 'b', 'c', 'd']);
  expect(source.shape('b')).toEqual([2, 2]);
  expect(source.shape('z')).toBeUndefined();
  expect([...(await source.read('a'))]).toEqual([1, -2, 2 ** -24, Number.POSITIVE_INFINITY]);
  expect([...(await source.read('b'))]).toEqual([1, -2, 2 ** -126, Number.POSITIVE_INFINITY]);
  const read = await source.read('c');
  expect([read.length, read[0], read[2 ** 20], read.at(-1)]).toEqual([n, 1, 1, 2]);
  await expect(source.read('d')).rejects.toMatchObject({
    reason: 'damaged-weights',
    message: `${file}: tensor "d" is of type I64, and only F32, F16, BF16 are read`,
  });
  await truncate(file, 1000); // behind its back
  await expect(source.read('c')).rejects.toThrow('tensor "c" is cut off');
  await source.close();
});
