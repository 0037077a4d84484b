import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { StepContext } from '../engine/step.js';
import { RANK } from '../models/imported/imported.js';
import {
  describeOnnx,
  FEED_TYPES,
  fixedSize,
  ONNX_FILE,
  type OnnxFeed,
  openSession,
  type Port,
  portOf,
} from '../models/imported/onnx.js';
import { tryOnnx } from '../models/imported/onnx-trial.js';
import type { ImportModelOptions, OnnxModel } from '../options/import-model.js';
import { StepFailure } from '../util/failure.js';
import { clone, isFile, takeTokenizer } from './beside.js';
import { checkLabels, labelsOf, lengthOf, writeImported } from './graph.js';
import { mapInputs, mapOutput } from './ports.js';

/** Names that Hugging Face's exporters give. */
const USUAL: Readonly<Record<OnnxFeed, readonly string[]>> = {
  ids: ['input_ids'],
  mask: ['attention_mask'],
  types: ['token_type_ids'],
};

/** Takes an ONNX file with its tokenizer and labels, and runs it once. */
export async function importOnnx(ctx: StepContext<ImportModelOptions>, model: OnnxModel): Promise<void> {
  const alone = await isFile(model.path);
  const file = alone ? model.path : join(model.path, model.file);
  const folder = alone ? undefined : dirname(file);
  if (!(await isFile(file))) throw await missing(model);
  const output = await ctx.output('model');
  const { parameters, beside } = await describeOnnx(file);
  if (alone && beside.length > 0) {
    throw new StepFailure(
      'onnx-file',
      `${file} keeps weights in ${beside.join(', ')} beside it`,
      `Give the folder as "path", and file: ${basename(file)}.`,
    );
  }
  await clone(file, join(output, ONNX_FILE));
  for (const name of beside) await takeBeside(dirname(file), name, output);
  const sizes = await Promise.all([ONNX_FILE, ...beside].map(async (name) => (await stat(join(output, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  ctx.signal.throwIfAborted();

  const session = await openSession(join(output, ONNX_FILE), 'onnx', ctx.threads);
  try {
    const names = (ports: readonly Port[]): string[] => ports.map(({ name }) => name);
    const inputs = mapInputs(model.inputs, USUAL, names(session.inputs));
    const said = mapOutput(model.outputs, names(session.outputs), model.labels !== undefined);
    for (const name of Object.values(inputs)) checkPort(session.inputs, name, 2, FEED_TYPES);
    checkPort(session.outputs, said.name, RANK[said.says], ['float32', 'float16']);
    const from = model.tokenizer ?? folder;
    if (from === undefined) {
      const hint = 'Add tokenizer: its folder or tokenizer.json, or give the folder that holds both as "path".';
      throw new StepFailure('no-tokenizer', `${file} needs a "tokenizer"`, hint);
    }
    const tokenizer = await takeTokenizer(from, output);
    const fixed = fixedSize(portOf(session.inputs, inputs.ids as string), 1);
    const folders = folder === undefined ? [output] : [output, folder];
    const mapped = { inputs, output: said, max_length: await lengthOf(model.max_length, fixed, folders) };
    const labels = await labelsOf(model.labels, said.says, folder);
    const width = await tryOnnx(session, mapped, tokenizer);
    checkLabels(labels, said.says, width);
    const about = {
      type: 'onnx',
      labels,
      parameters,
      bytes,
      ...mapped,
      width,
      source: { file: basename(file) },
    } as const;
    ctx.log('info', await writeImported(output, about));
  } finally {
    await session.release();
  }
}

async function missing({ path, file }: OnnxModel): Promise<StepFailure> {
  const there = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.onnx')).sort();
  const hint = there.length > 0 ? `It has ${there.join(', ')}: name one in "file".` : 'It holds no ONNX file.';
  return new StepFailure('onnx-file', `${path} has no ${file}`, hint);
}

/** A file of weights, which the model finds by the name that it gives. */
async function takeBeside(folder: string, name: string, output: string): Promise<void> {
  if (basename(name) !== name || name === ONNX_FILE || !(await isFile(join(folder, name)))) {
    throw new StepFailure('onnx-file', `the model keeps weights in ${name}, and ${folder} has no such file`);
  }
  await clone(join(folder, name), join(output, name));
}

/** @throws StepFailure if an input or output is of a type or rank that cannot be meant */
function checkPort(ports: readonly Port[], name: string, rank: number, types: readonly string[]): void {
  const { dtype, shape } = portOf(ports, name);
  if (!types.includes(dtype)) {
    throw new StepFailure('shape', `the graph's "${name}" is of type ${dtype}, not of ${types.join(' or ')}`);
  }
  // Of a shape that the file does not say nothing is known before it runs.
  if (shape.length === rank || shape.length === 0) return;
  const said = shape.map((size) => size || '?').join(', ');
  throw new StepFailure('shape', `the graph's "${name}" has the shape [${said}], and one of ${rank} axes is needed`);
}
