import { open, readFile } from 'node:fs/promises';
import { StepFailure } from './failure.js';

/**
 * The safetensors file format (github.com/huggingface/safetensors, "Format"), of which we need 32-bit floats:
 * 8 bytes of header length, a JSON header, then the tensors' little-endian bytes without gaps.
 */

export interface Tensor32 {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Safetensors {
  readonly tensors: Record<string, Tensor32>;
  readonly metadata: Record<string, string>;
}

/** Writes tensors, sorted by name, so that equal tensors make equal bytes. */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor32>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = {};
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.__metadata__ = Object.fromEntries(keys.map((key) => [key, metadata[key]]));
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, data } = tensors[name] as Tensor32;
    if (elements(shape) !== data.length) {
      throw new RangeError(`tensor "${name}": shape [${shape}] does not hold ${data.length} numbers`);
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Spaces at the end keep the tensors aligned to 8 bytes, as the format asks.
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));

  const handle = await open(file, 'w');
  try {
    await handle.writeFile(Buffer.concat([length, padded]));
    for (const name of names) {
      const { data } = tensors[name] as Tensor32;
      await handle.writeFile(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
  } finally {
    await handle.close();
  }
}

/**
 * Reads a file that holds nothing but 32-bit floats.
 *
 * @throws StepFailure when the file is damaged or holds another type
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
  const bytes = await readFile(file);
  const damaged = (what: string) => new StepFailure('damaged-weights', `${file} is not a safetensors file: ${what}`);
  const headerBytes = bytes.length >= 8 ? Number(bytes.readBigUInt64LE()) : Number.POSITIVE_INFINITY;
  if (headerBytes > bytes.length - 8) throw damaged('its header is cut off');
  let header: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes));
  } catch {
    throw damaged('its header is not JSON');
  }
  // A copy: 32-bit floats need an address that is a multiple of 4, and buffers may start anywhere.
  const data = new Uint8Array(bytes.subarray(8 + headerBytes)).buffer;
  const tensors: Record<string, Tensor32> = {};
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = entry as Record<string, string>;
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (dtype !== 'F32') throw damaged(`tensor "${name}" is of type ${dtype}, and only F32 is read`);
    if (!isNumbers(shape) || !isNumbers(offsets)) throw damaged(`tensor "${name}" has no shape or no place`);
    const [from = 0, to = 0] = offsets;
    if (from % 4 !== 0 || to > data.byteLength || to - from !== 4 * elements(shape)) {
      throw damaged(`tensor "${name}" does not fit its place`);
    }
    tensors[name] = { dtype, shape, data: new Float32Array(data, from, (to - from) / 4) };
  }
  return { tensors, metadata };
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isInteger(item) && item >= 0);

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
