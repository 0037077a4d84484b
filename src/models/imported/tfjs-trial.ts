import type { GraphModel } from '../../backend/graph-model.js';
import { type Backend, createRunner } from '../../backend/runner.js';
import type { TextTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { type Mapped, SAMPLE, wrongShape } from './imported.js';
import { fixedShape, lengthFor, rowsOf } from './tfjs.js';
import { batchOf, functionOf, runGraph } from './tfjs-function.js';

/** How far what is recorded may be from what tfjs itself computes. */
const TOLERANCE = 1e-4;

/**
 * Runs a graph as it will be run, and eagerly on tfjs's cpu backend, which takes nothing for granted.
 *
 * @returns numbers that it says of a text
 * @throws StepFailure if it does not run, says something of another shape, or the two do not agree
 */
export async function tryTfjs(
  graph: GraphModel,
  about: Mapped,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId' | 'vocabularySize'>,
  threads: number,
): Promise<number> {
  const { output } = about;
  const tokens = await tokenizer.encode(SAMPLE, about.max_length);
  const texts = SAMPLE.map((_, i) => tokens.ids(i));
  const size = fixedShape(graph, about).rows ?? texts.length;
  const length = lengthFor(graph, about, texts);
  const fn = functionOf(graph, about);
  const run = async (backend: Backend, ids: readonly Int32Array[]): Promise<Float32Array> => {
    const runner = await createRunner(backend, threads);
    try {
      return await runGraph(runner, graph, fn, batchOf(ids, size, length, about, tokenizer.padId));
    } finally {
      await runner.release();
    }
  };
  // Of a graph that takes one text alone the shorter one, which has padding.
  const some = texts.slice(0, size);
  const said = await run('onnx', some);
  const width = said.length / (size * (output.says === 'hidden' ? length : 1));
  if (!Number.isInteger(width) || width < 1) throw wrongShape(output, said.length, size, length);
  const rows = (data: Float32Array) => rowsOf(data, { ...about, width }, some, size).subarray(0, some.length * width);
  checkAgreement(rows(said), rows(await run('cpu', some)));
  const last = tokenizer.vocabularySize - 1;
  await run('cpu', [Int32Array.of(last)]).catch((error: unknown) => {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer has ${last + 1} tokens, and the graph does not know the last of them: ${(error as Error).message}`,
      'It is perhaps the tokenizer of another model.',
    );
  });
  return width;
}

function checkAgreement(recorded: Float32Array, eager: Float32Array): void {
  const largest = eager.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const apart = eager.reduce((most, x, i) => Math.max(most, Math.abs(x - (recorded[i] as number))), 0);
  if (apart <= TOLERANCE * (1 + largest)) return;
  throw new StepFailure(
    'unsupported-model',
    `recorded at fixed shapes, the graph says other things than TensorFlow.js does: they are ${apart.toPrecision(2)} apart`,
    'What it does with padding is perhaps not masked.',
  );
}
