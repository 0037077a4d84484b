import { join } from 'node:path';
import { createSession, type Port, type Session, type SessionInput } from '../../backend/onnx/session.js';
import { type Backend, RECORDED, type Recorded } from '../../backend/runner.js';
import { loadTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { float32Of } from '../../util/float16.js';
import { inBatches, longestOf } from '../batches.js';
import { bucketLength } from '../padding.js';
import { type Imported, type Mapped, meanOfTokens, readImported, type TextGraph, wrongShape } from './imported.js';

export { describeOnnx } from '../../backend/onnx/decode.js';
export type { Port } from '../../backend/onnx/session.js';

/** The graph in an artifact's folder. */
export const ONNX_FILE = 'model.onnx';

/** What an ONNX graph may be fed. `mask` is 1 at a text's tokens, `types` is 0 everywhere. */
export type OnnxFeed = 'ids' | 'mask' | 'types';

/** @throws StepFailure if ONNX Runtime does not run it, or the backend is none of its own */
export async function openOnnx(folder: string, backend: Backend, threads: number): Promise<TextGraph> {
  const about = await readImported(folder);
  const session = await openSession(join(folder, ONNX_FILE), backend, threads);
  const tokenizer = await loadTokenizer(folder);
  const rows = fixedSize(portOf(session.inputs, about.inputs.ids as string), 0);
  return {
    about,
    async run(texts) {
      const tokens = await tokenizer.encode(texts, about.max_length);
      const answer = (ids: readonly Int32Array[]) => runBatch(session, about, ids, tokenizer.padId);
      return inBatches(tokens, about.width, answer, { rows, alike: about.inputs.mask === undefined });
    },
    close: () => session.release(),
  };
}

/** @throws StepFailure if ONNX Runtime does not load the file, or the backend is none of its own */
export async function openSession(file: string, backend: Backend, threads: number): Promise<Session> {
  if (!(backend in RECORDED)) {
    throw new StepFailure(
      'backend',
      `backend "${backend}" runs no ONNX files`,
      `Take one of ${Object.keys(RECORDED).join(', ')}.`,
    );
  }
  try {
    return await createSession(file, RECORDED[backend as Recorded], threads);
  } catch (error) {
    if (error instanceof StepFailure) throw error;
    throw new StepFailure('onnx-file', `ONNX Runtime does not load ${file}: ${firstLine(error)}`);
  }
}

export const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0] as string;

/** A graph's input or output by name. Throws (a bug) if there is none: importing has checked it. */
export function portOf(ports: readonly Port[], name: string): Port {
  const port = ports.find((candidate) => candidate.name === name);
  if (!port) throw new Error(`the graph has no "${name}"`);
  return port;
}

/** The size of an axis where the graph fixes it. */
export function fixedSize({ shape }: Port, axis: number): number | undefined {
  const size = shape[axis];
  return typeof size === 'number' ? size : undefined;
}

/** Numbers [texts, width] of texts that are run at once. */
async function runBatch(
  session: Session,
  about: Mapped & Pick<Imported, 'width'>,
  ids: readonly Int32Array[],
  padId: number,
): Promise<Float32Array> {
  const { width, output } = about;
  const { data, rows, length } = await runOnnx(session, about, ids, padId);
  const expected = output.says === 'hidden' ? rows * length * width : rows * width;
  if (data.length !== expected) throw wrongShape(output, data.length, rows, length);
  if (output.says !== 'hidden') return data;
  const tokens = ids.map((text) => text.length);
  return meanOfTokens(data, tokens, length, width);
}

/** What the graph's output holds for some texts, and how many rows and tokens it was run with. */
export async function runOnnx(
  session: Session,
  { inputs, output, max_length: maxLength }: Mapped,
  ids: readonly Int32Array[],
  padId: number,
): Promise<{ readonly data: Float32Array; readonly rows: number; readonly length: number }> {
  const port = portOf(session.inputs, inputs.ids as string);
  const rows = fixedSize(port, 0) ?? ids.length;
  const longest = Math.max(1, longestOf(ids));
  const length = fixedSize(port, 1) ?? (inputs.mask === undefined ? longest : bucketLength(longest, maxLength));
  const feeds: Record<string, SessionInput> = {};
  for (const [feed, name] of Object.entries(inputs) as [OnnxFeed, string][]) {
    feeds[name] = feedOf(feed, portOf(session.inputs, name), ids, [rows, length], padId);
  }
  const said = (await session.run(feeds, [output.name]))[output.name] as Float32Array | Uint16Array;
  return { data: said instanceof Uint16Array ? float32Of(said) : said, rows, length };
}

/** Types that token ids and masks are fed as. */
export const FEED_TYPES = ['int64', 'int32', 'float32', 'bool'] as const;
type FeedType = (typeof FEED_TYPES)[number];

function feedOf(
  feed: OnnxFeed,
  { dtype }: Port,
  ids: readonly Int32Array[],
  shape: readonly [number, number],
  padId: number,
): SessionInput {
  const [rows, length] = shape;
  const numbers = new Int32Array(rows * length).fill(feed === 'ids' ? padId : 0);
  ids.forEach((text, row) => {
    if (feed === 'ids') numbers.set(text, row * length);
    if (feed === 'mask') numbers.fill(1, row * length, row * length + text.length);
  });
  const type = dtype as FeedType;
  if (type === 'int64') return { dtype: type, shape, data: BigInt64Array.from(numbers, BigInt) };
  if (type === 'int32') return { dtype: type, shape, data: numbers };
  return { dtype: type, shape, data: type === 'bool' ? Uint8Array.from(numbers) : Float32Array.from(numbers) };
}
