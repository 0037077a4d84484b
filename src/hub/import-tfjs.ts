import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join, normalize } from 'node:path';
import type { StepContext } from '../engine/step.js';
import type { Imported } from '../models/imported/imported.js';
import { fixedShape, GRAPH_FILE, parseGraph, readGraph, weightFiles } from '../models/imported/tfjs.js';
import type { TfjsFeed } from '../models/imported/tfjs-function.js';
import { tryTfjs } from '../models/imported/tfjs-trial.js';
import type { ImportModelOptions, TfjsModel } from '../options/import-model.js';
import { StepFailure } from '../util/failure.js';
import { clone, isFile, takeTokenizer } from './beside.js';
import { checkLabels, labelsOf, lengthOf, writeImported } from './graph.js';
import { mapInputs, mapOutput } from './ports.js';

const USUAL: Readonly<Record<TfjsFeed, readonly string[]>> = {
  indices: ['indices'],
  values: ['values'],
  ids: ['ids', 'input_ids'],
  mask: ['mask', 'attention_mask'],
};

/** Takes a TensorFlow.js graph model with its tokenizer, and compares what it will compute with what tfjs computes. */
export async function importTfjs(ctx: StepContext<ImportModelOptions>, model: TfjsModel): Promise<void> {
  const folder = folderOf(model);
  const output = await ctx.output('model');
  await copyGraph(folder, output);
  ctx.signal.throwIfAborted();
  const { graph, bytes } = await readGraph(output);
  const names = graph.inputs.map(({ name }) => name);
  const inputs = mapInputs(model.inputs, USUAL, names);
  checkFeeds(inputs);
  const said = mapOutput(model.outputs, graph.outputs, model.labels !== undefined, graph.nodes);
  const tokenizer = await takeTokenizer(model.tokenizer ?? folder, output);
  const fixed = fixedShape(graph, { inputs }).length;
  const mapped = { inputs, output: said, max_length: await lengthOf(model.max_length, fixed, [output, folder]) };
  const labels = await labelsOf(model.labels, said.says, folder);
  const width = await tryTfjs(graph, mapped, tokenizer, ctx.threads);
  checkLabels(labels, said.says, width);
  const about = {
    type: 'tfjs',
    labels,
    parameters: graph.size,
    bytes,
    ...mapped,
    width,
    source: await sourceOf(model),
  } as const;
  ctx.log('info', await writeImported(output, about));
}

/** A package by its version; a folder's path says nothing on another machine. */
async function sourceOf({ package: installed }: TfjsModel): Promise<Imported['source']> {
  if (installed === undefined) return { folder: true };
  const text = await readFile(join(installed, 'package.json'), 'utf8');
  const { name, version } = JSON.parse(text) as { readonly name: string; readonly version: string };
  return { package: `${name}@${version}` };
}

/** Copies what the graph is made of. */
async function copyGraph(folder: string, output: string): Promise<void> {
  const file = join(folder, GRAPH_FILE);
  if (!(await isFile(file))) {
    throw new StepFailure('tfjs-model', `there is no ${file}`, 'Say in "folder" where in the package or path it is.');
  }
  await clone(file, join(output, GRAPH_FILE));
  for (const name of namesOf(await readFile(file, 'utf8'), file)) {
    if (basename(name) !== name || !(await isFile(join(folder, name)))) {
      throw new StepFailure('tfjs-model', `${file} keeps weights in ${name}, and there is no such file beside it`);
    }
    await clone(join(folder, name), join(output, name));
  }
}

function namesOf(text: string, file: string): string[] {
  try {
    return weightFiles(parseGraph(text));
  } catch (error) {
    throw new StepFailure('tfjs-model', `${file} is not a TensorFlow.js graph model: ${(error as Error).message}`);
  }
}

/** @throws StepFailure if what is fed is neither a matrix of ids nor a sparse one */
function checkFeeds(inputs: Readonly<Partial<Record<TfjsFeed, string>>>): void {
  const fed = Object.keys(inputs).sort().join(', ');
  if (['ids', 'ids, mask', 'indices, values'].includes(fed)) return;
  throw new StepFailure(
    'no-input',
    `a graph is fed ids, ids and mask, or indices and values, and not ${fed || 'nothing'}`,
    'Say in "inputs" which of its inputs is what.',
  );
}

/** @throws StepFailure if the recipe names no folder, or two, or one outside of what it names */
function folderOf({ package: installed, path, folder }: TfjsModel): string {
  const [base, second] = [installed, path].filter((given) => given !== undefined);
  if (base === undefined || second !== undefined) {
    const given = base === undefined ? 'neither' : 'both';
    throw new StepFailure('bad-model', `a tfjs model takes either "package" or "path"; it has ${given}`);
  }
  if (isAbsolute(folder) || normalize(folder).split(/[\\/]/).includes('..')) {
    throw new StepFailure('bad-model', `the folder "${folder}" has to lie in ${base}`);
  }
  return join(base, folder);
}
