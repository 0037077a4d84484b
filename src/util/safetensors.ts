import { createHash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StepFailure } from './failure.js';
import { float32Of } from './float16.js';

/**
 * The safetensors file format (github.com/huggingface/safetensors, "Format"): 8 bytes of header length, a JSON header,
 * then the tensors' little-endian bytes without gaps.
 */

/** Bytes of one element of each type that is known here. */
export const ELEMENT_BYTES = { F32: 4, I32: 4, F16: 2, BF16: 2, U16: 2, U8: 1 } as const;
export type ElementType = keyof typeof ELEMENT_BYTES;

/** A tensor to be written. Floats of 16 bits are given by their bits. */
export interface StoredTensor {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  /** Its elements, one array after the other. */
  readonly parts: readonly ArrayBufferView[];
}

export interface Tensor32 {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Integers32 {
  readonly dtype: 'I32';
  readonly shape: readonly number[];
  readonly data: Int32Array;
}

export interface Safetensors {
  readonly tensors: Readonly<Record<string, Tensor32>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes tensors of 32 bits. @throws RangeError if a shape does not hold its data */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor32 | Integers32>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const stored = Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
    name,
    { dtype, shape, parts: [data] },
  ]);
  await writeTensors(file, Object.fromEntries(stored), metadata);
}

/** Bytes that are gathered before they are hashed and written: parts may be small. */
const BLOCK = 1 << 20;

/**
 * Writes tensors: those with the widest elements first, so that each is aligned, then by name. Equal tensors make equal
 * bytes.
 * @returns the file's size and its SHA-256
 * @throws RangeError if a shape does not hold its parts
 */
export async function writeTensors(
  file: string,
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const width = (name: string): number => ELEMENT_BYTES[(tensors[name] as StoredTensor).dtype];
  const names = Object.keys(tensors).sort((a, b) => width(b) - width(a) || (a < b ? -1 : 1));
  const header: Record<string, unknown> = {};
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.__metadata__ = Object.fromEntries(keys.map((key) => [key, metadata[key]]));
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, parts } = tensors[name] as StoredTensor;
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (elements(shape) * width(name) !== bytes) {
      throw new RangeError(`tensor "${name}": shape [${shape}] does not hold ${bytes / width(name)} numbers`);
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Spaces at the end keep the tensors aligned to 8 bytes, as the format asks.
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));

  const handle = await open(file, 'w');
  const hash = createHash('sha256');
  let pending: Uint8Array[] = [];
  let gathered = 0;
  let writing = Promise.resolve();
  const flush = async (): Promise<void> => {
    const block = pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending);
    [pending, gathered] = [[], 0];
    // On this thread, while another writes the block before.
    hash.update(block);
    await writing;
    writing = handle.writeFile(block);
  };
  try {
    pending.push(length, padded);
    for (const name of names) {
      for (const { buffer, byteOffset, byteLength } of (tensors[name] as StoredTensor).parts) {
        pending.push(new Uint8Array(buffer, byteOffset, byteLength));
        gathered += byteLength;
        if (gathered >= BLOCK) await flush();
      }
    }
    await flush();
    await writing;
  } finally {
    await handle.close();
  }
  return { bytes: 8 + padded.length + offset, sha256: hash.digest('hex') };
}

/** Types that are read as floats. */
const FLOATS: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

/** Where a tensor is in its file. */
export interface Place {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes of the file. */
  readonly from: number;
  readonly to: number;
}

export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Sixteen-bit numbers converted at a time. */
const CHUNK = 1 << 20;
/** Longer headers are a sign of a damaged file; the reference implementation has the same limit. */
const LONGEST_HEADER = 100_000_000;

/** A file whose tensors are read one at a time, by their place: nothing else of it is ever in memory. */
export class SafetensorsFile {
  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly places: ReadonlyMap<string, Place>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /** @throws StepFailure when the file is damaged */
  static async open(file: string): Promise<SafetensorsFile> {
    const handle = await open(file, 'r');
    try {
      const { places, metadata } = readLayout(file, handle.fd);
      return new SafetensorsFile(file, handle, places, metadata);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get names(): readonly string[] {
    return [...this.places.keys()];
  }

  /** Undefined if there is no such tensor. */
  shape(name: string): readonly number[] | undefined {
    return this.places.get(name)?.shape;
  }

  /** @throws StepFailure if it is not of floats, or the file ends before it does */
  async read(name: string): Promise<Float32Array> {
    const { dtype, shape, from } = this.places.get(name) as Place;
    const fail = (what: string) => new StepFailure('damaged-weights', `${this.file}: tensor "${name}" ${what}`);
    if (!FLOATS.has(dtype)) throw fail(`is of type ${dtype}, and only ${[...FLOATS].join(', ')} are read`);
    const data = new Float32Array(elements(shape));
    const fill = async (into: Float32Array | Uint16Array, position: number): Promise<void> => {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      for (let done = 0; done < bytes.length; ) {
        // A read of 2 GiB or more is refused by the system.
        const want = Math.min(bytes.length - done, 1 << 30);
        const { bytesRead } = await this.handle.read(bytes, done, want, position + done);
        if (bytesRead === 0) throw fail('is cut off');
        done += bytesRead;
      }
    };
    if (dtype === 'F32') {
      await fill(data, from);
      return data;
    }
    const half = new Uint16Array(Math.min(CHUNK, data.length));
    for (let at = 0; at < data.length; at += CHUNK) {
      const some = half.subarray(0, Math.min(CHUNK, data.length - at));
      await fill(some, from + 2 * at);
      data.set(dtype === 'F16' ? float32Of(some) : bfloat16(some), at);
    }
    return data;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A bfloat16 is the upper half of a float32. */
function bfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);
}

/**
 * Where the tensors of an open file are.
 * @param file its name, for messages
 * @throws StepFailure when the file is damaged
 */
export function readLayout(file: string, descriptor: number): Layout {
  const damaged = (what: string) => new StepFailure('damaged-weights', `${file} is not a safetensors file: ${what}`);
  const { size } = fstatSync(descriptor);
  const start = Buffer.alloc(8);
  const whole = readSync(descriptor, start, 0, 8, 0) === 8;
  const length = whole ? Number(start.readBigUInt64LE()) : Number.POSITIVE_INFINITY;
  if (length > Math.min(size - 8, LONGEST_HEADER)) throw damaged('its header is cut off');
  const text = Buffer.alloc(length);
  readSync(descriptor, text, 0, length, 8);
  let header: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;
  try {
    header = JSON.parse(text.toString('utf8'));
  } catch {
    throw damaged('its header is not JSON');
  }
  const places = new Map<string, Place>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = entry as Record<string, string>;
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!isNumbers(shape) || !isNumbers(offsets)) throw damaged(`tensor "${name}" has no shape or no place`);
    const [from = 0, to = 0] = offsets;
    const bytes = ELEMENT_BYTES[dtype as ElementType] as number | undefined;
    if (8 + length + to > size || (bytes !== undefined && to - from !== bytes * elements(shape))) {
      throw damaged(`tensor "${name}" does not fit its place`);
    }
    places.set(name, { dtype: String(dtype), shape, from: 8 + length + from, to: 8 + length + to });
  }
  return { places, metadata };
}

/**
 * Reads all tensors of a file.
 * @throws StepFailure when the file is damaged or holds another type than floats
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
  const source = await SafetensorsFile.open(file);
  try {
    const tensors: Record<string, Tensor32> = {};
    for (const name of source.names) {
      tensors[name] = { dtype: 'F32', shape: source.shape(name) as readonly number[], data: await source.read(name) };
    }
    return { tensors, metadata: source.metadata };
  } finally {
    await source.close();
  }
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isInteger(item) && item >= 0);

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
