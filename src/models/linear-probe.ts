import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import type { TrainedOn } from './checkpoint.js';
import type { Embedder } from './embedder.js';
import { loadEmbedder } from './embedders.js';
import type { SparseRows } from './logistic/features.js';
import { outputsOf } from './logistic/fit.js';
import { logitsOf } from './logistic.js';
import type { PredictorFamily } from './predictor.js';

/**
 * Softmax regression over a frozen encoder's embeddings, a linear probe (Alain & Bengio 2016, arXiv:1610.01644). Its
 * folder holds the encoder too.
 */
export interface LinearProbe {
  readonly labels: readonly string[];
  /** [width, outputs] */
  readonly weight: Float32Array;
  /** [outputs] */
  readonly bias: Float32Array;
  /** Strength of the penalty that it was trained with. */
  readonly l2: number;
}

const TYPE = 'linear-probe';
const WEIGHTS = 'model.safetensors';
const ENCODER = 'encoder';

/** Vectors [rows, width] as the rows that `fitSoftmax` reads. */
export function denseRows(vectors: Float32Array, width: number): SparseRows {
  const rows = vectors.length / width;
  return {
    starts: Int32Array.from({ length: rows + 1 }, (_, row) => row * width),
    columns: Int32Array.from(vectors, (_, i) => i % width),
    values: vectors,
  };
}

/**
 * Writes `recipe.json`, `model.safetensors` (weight [width, outputs], bias [outputs]) and `encoder/`.
 *
 * @param from the encoder's folder
 */
export async function saveLinearProbe(
  folder: string,
  probe: LinearProbe,
  encoder: Pick<Embedder, 'width' | 'parameters'>,
  from: string,
  trainedOn: TrainedOn,
): Promise<void> {
  const { labels, weight, bias, l2 } = probe;
  const recipe = {
    type: TYPE,
    labels,
    options: { l2 },
    parameters: encoder.parameters + weight.length + bias.length,
    trained_on: trainedOn,
  };
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`);
  await writeSafetensors(join(folder, WEIGHTS), {
    bias: { dtype: 'F32', shape: [bias.length], data: bias },
    weight: { dtype: 'F32', shape: [encoder.width, bias.length], data: weight },
  });
  await copyFolder(from, join(folder, ENCODER));
}

/** Copies a folder with all that is in it; `to` must not be there. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target);
    // A clone of the bytes where the file system can, so that a large encoder is not on the disk twice.
    else await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

export const linearProbeFamily: PredictorFamily = {
  type: TYPE,
  async load(folder, backend, threads) {
    const { labels } = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as LinearProbe;
    const { tensors } = await readSafetensors(join(folder, WEIGHTS));
    const { weight, bias } = tensors;
    const encoder = await loadEmbedder(join(folder, ENCODER), backend, threads);
    const outputs = outputsOf(labels.length);
    if (weight?.data.length !== encoder.width * outputs || bias?.data.length !== outputs) {
      await encoder.close();
      throw new StepFailure('damaged-model', `${folder}: ${WEIGHTS} does not fit recipe.json and the encoder`);
    }
    const { size } = await stat(join(folder, WEIGHTS));
    const model = { labels, weight: weight.data, bias: bias.data };
    return {
      type: TYPE,
      labels,
      parameters: encoder.parameters + weight.data.length + bias.data.length,
      bytes: encoder.bytes + size,
      predict: async (texts) => logitsOf(denseRows(await encoder.embed(texts), encoder.width), model),
      close: () => encoder.close(),
    };
  },
};
