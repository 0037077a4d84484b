import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import type { Embedder } from '../embedder.js';
import type { Predictor } from '../predictor.js';

/** What an imported graph says of a text: a label's logits, a vector, or a vector of each token, which are averaged. */
export const SAYS = ['logits', 'embedding', 'hidden'] as const;
export type Says = (typeof SAYS)[number];

/** `recipe.json` of a model that is a graph of somebody else's: how it is fed, and what comes out. */
export interface Imported {
  readonly type: 'onnx' | 'tfjs';
  /** Order of the logits; none unless it gives some. */
  readonly labels: readonly string[];
  /** Numbers of its weights. */
  readonly parameters: number;
  /** Bytes of the files that hold them. */
  readonly bytes: number;
  /** Tokens that are read of a text. */
  readonly max_length: number;
  /** What is fed → the graph's name for it. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly output: { readonly says: Says; readonly name: string };
  /** Numbers that it says of a text. */
  readonly width: number;
  /** Where it came from. */
  readonly source: Readonly<Record<string, string | true>>;
}

/** How a graph is fed, and what is read of it. */
export type Mapped = Pick<Imported, 'inputs' | 'output' | 'max_length'>;

/** An imported graph, ready to run. */
export interface TextGraph {
  readonly about: Imported;
  /** Row-major [texts, width]: logits or vectors. */
  run(texts: readonly string[]): Promise<Float32Array>;
  close(): Promise<void>;
}

export async function readImported(folder: string): Promise<Imported> {
  return JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as Imported;
}

/** @throws StepFailure if it gives no logits */
export function asPredictor(folder: string, { about, run, close }: TextGraph): Predictor {
  const { type, labels, parameters, bytes, output } = about;
  if (output.says !== 'logits') {
    throw new StepFailure(
      'no-labels',
      `the ${type} graph in ${folder} gives embeddings and tells no labels apart`,
      'Train a classifier on it: a train step with it as "init" and model: { type: logistic, features: embeddings }.',
    );
  }
  return { type, labels, parameters, bytes, predict: run, close };
}

/** @throws StepFailure if it gives logits */
export function asEmbedder(folder: string, { about, run, close }: TextGraph): Embedder {
  const { type, parameters, bytes, output, width } = about;
  if (output.says === 'logits') {
    throw new StepFailure(
      'no-embeddings',
      `the ${type} graph in ${folder} gives logits of ${about.labels.join(', ')}, not embeddings`,
      'Map another of its outputs in the import-model step: outputs: { embedding: … } or { hidden: … }.',
    );
  }
  return { type, width, parameters, bytes, embed: run, close };
}

/** Axes of what a graph says. */
export const RANK: Readonly<Record<Says, number>> = { logits: 2, embedding: 2, hidden: 3 };

/** What is wrong with an output's size. */
export function wrongShape(
  { says, name }: Imported['output'],
  size: number,
  texts: number,
  length: number,
): StepFailure {
  const shapes = { logits: '[texts, labels]', embedding: '[texts, width]', hidden: '[texts, length, width]' };
  return new StepFailure(
    'shape',
    `the graph's output "${name}" has ${size} numbers for ${texts} texts of ${length} tokens, which is not ${shapes[says]}`,
  );
}

/** Texts to try a graph with, of other lengths; what they say does not matter. */
export const SAMPLE = ['A text.', 'Another text, with a few words more than the first one has.'];

/**
 * The mean over a text's own tokens of states [rows, length, width].
 * @param tokens of each text
 */
export function meanOfTokens(
  states: Float32Array,
  tokens: readonly number[],
  length: number,
  width: number,
): Float32Array {
  const means = new Float32Array(tokens.length * width);
  tokens.forEach((count, row) => {
    for (let k = 0; k < width; k++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += states[(row * length + i) * width + k] as number;
      means[row * width + k] = sum / Math.max(1, count);
    }
  });
  return means;
}
