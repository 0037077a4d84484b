import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSession, type Port, type Session, type SessionInput } from '../../backend/onnx/session.js';
import { type Backend, RECORDED, type Recorded } from '../../backend/runner.js';
import { loadTokenizer, type TextTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { float32Of } from '../../util/float16.js';
import { inBatches, longestOf } from '../batches.js';
import { bucketLength } from '../padding.js';
import {
  type Imported,
  type Mapped,
  meanOfTokens,
  readImported,
  SAMPLE,
  type TextGraph,
  wrongShape,
} from './imported.js';

export { describeOnnx } from '../../backend/onnx/decode.js';
export type { Port } from '../../backend/onnx/session.js';

/** The graph in an artifact's folder. */
export const ONNX_FILE = 'model.onnx';

/** What an ONNX graph may be fed. `mask` is 1 at a text's tokens, `types` is 0 everywhere. */
export const ONNX_FEEDS = ['ids', 'mask', 'types'] as const;
export type OnnxFeed = (typeof ONNX_FEEDS)[number];

/** @throws StepFailure if ONNX Runtime does not run it, or the backend is none of its own */
export async function openOnnx(folder: string, backend: Backend, threads: number): Promise<TextGraph> {
  const about = await readImported(folder);
  const file = join(folder, ONNX_FILE);
  const session = await openSession(file, backend, threads);
  const tokenizer = await loadTokenizer(folder);
  const { size } = await stat(file);
  return {
    about,
    bytes: size,
    run: (texts) => runOnnx(session, about, tokenizer, texts),
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

/** What a graph says of texts, row-major [texts, width]. */
export async function runOnnx(
  session: Session,
  about: Mapped & Pick<Imported, 'width'>,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId'>,
  texts: readonly string[],
): Promise<Float32Array> {
  const tokens = await tokenizer.encode(texts, about.max_length);
  return inBatches(tokens, about.width, async (ids) => {
    const said = new Float32Array(ids.length * about.width);
    for (const part of parts(session, about, ids)) {
      const rows = await runBatch(session, about, ids.slice(part.from, part.to), tokenizer.padId);
      said.set(rows, part.from * about.width);
    }
    return said;
  });
}

/** Texts that can run together: as many as the graph takes, and of one length where it knows no padding. */
function* parts(
  session: Session,
  { inputs }: Pick<Imported, 'inputs'>,
  ids: readonly Int32Array[],
): Generator<{ readonly from: number; readonly to: number }> {
  const most = fixedSize(portOf(session.inputs, inputs.ids as string), 0) ?? ids.length;
  const alike = inputs.mask === undefined;
  for (let from = 0, to = 0; from < ids.length; from = to) {
    const length = ids[from]?.length;
    for (to = from + 1; to < ids.length && to - from < most && (!alike || ids[to]?.length === length); ) to++;
    yield { from, to };
  }
}

/** A graph's input or output by name. Throws (a bug) if there is none: importing has checked it. */
function portOf(ports: readonly Port[], name: string): Port {
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
  const { data, rows, length } = await runRaw(session, about, ids, padId);
  const expected = output.says === 'hidden' ? rows * length * width : rows * width;
  if (data.length !== expected) throw wrongShape(output, data.length, rows, length);
  // A graph of fixed size gives more rows than there are texts.
  if (output.says !== 'hidden') return data.subarray(0, ids.length * width);
  const tokens = ids.map((text) => text.length);
  return meanOfTokens(data, tokens, length, width);
}

/** What the graph's output holds, and how many rows and tokens it was run with. */
async function runRaw(
  session: Session,
  { inputs, output, max_length }: Mapped,
  ids: readonly Int32Array[],
  padId: number,
) {
  const port = portOf(session.inputs, inputs.ids as string);
  const rows = fixedSize(port, 0) ?? ids.length;
  const longest = Math.max(1, longestOf(ids));
  const length = fixedSize(port, 1) ?? (inputs.mask === undefined ? longest : bucketLength(longest, max_length));
  const feeds: Record<string, SessionInput> = {};
  for (const [feed, name] of Object.entries(inputs) as [OnnxFeed, string][]) {
    feeds[name] = feedOf(feed, portOf(session.inputs, name), ids, [rows, length], padId);
  }
  const said = (await session.run(feeds, [output.name]))[output.name] as Float32Array | Uint16Array;
  return { data: said instanceof Uint16Array ? float32Of(said) : said, rows, length };
}

/**
 * Runs a graph on a few tokens, the tokenizer's last among them.
 *
 * @returns numbers that it says of a text
 * @throws StepFailure if it does not run, or says something of another shape
 */
export async function tryOnnx(
  session: Session,
  about: Mapped,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId' | 'vocabularySize'>,
): Promise<number> {
  const attempt = (ids: readonly Int32Array[]) => runRaw(session, about, ids, tokenizer.padId);
  let width = 0;
  for (const text of SAMPLE) {
    const ids = (await tokenizer.encode([text], about.max_length)).ids(0);
    const { data, rows, length } = await attempt([ids]).catch((error: unknown) => {
      throw new StepFailure('onnx-file', `ONNX Runtime does not run the graph: ${firstLine(error)}`);
    });
    const size = data.length / (about.output.says === 'hidden' ? rows * length : rows);
    if (!Number.isInteger(size) || size < 1 || (width && size !== width)) {
      throw wrongShape(about.output, data.length, rows, length);
    }
    width = size;
  }
  const last = tokenizer.vocabularySize - 1;
  await attempt([Int32Array.of(last)]).catch((error: unknown) => {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer has ${tokenizer.vocabularySize} tokens, and the graph does not know the last of them: ${firstLine(error)}`,
      'It is perhaps the tokenizer of another model.',
    );
  });
  return width;
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
