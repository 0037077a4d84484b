import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSession } from '../backend/onnx/session.js';
import { readDataset } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import { WORD, wordsOf } from '../models/logistic/features.js';
import { type AppliedLogistic, logisticFamily, readLogistic } from '../models/logistic.js';
import type { ExportOptions } from '../options/export.js';
import type { Facts } from './card/facts.js';
import { checkDistance } from './exact.js';
import { copyModel, EXACT } from './folder.js';
import { logisticGraph, WORDS } from './logistic-graph.js';
import { someRows, spread } from './rows.js';
import { trainedOn } from './transformer.js';

const JSON_FILE = 'model.json';
const COMPARED = 256;

/**
 * Writes a logistic model as ONNX and as JSON, and checks the graph.
 * @param path of the model artifact; @param output an empty folder
 * @throws StepFailure if what it wrote answers otherwise than the model
 */
export async function exportLogistic(ctx: StepContext<ExportOptions>, path: string, output: string): Promise<Facts> {
  const model = await readLogistic(path);
  await copyModel(path, output);
  await mkdir(join(output, 'onnx'));
  await writeFile(join(output, EXACT), logisticGraph(model));
  await writeFile(join(output, JSON_FILE), `${JSON.stringify(jsonOf(model))}\n`);

  const { rows } = await readDataset(ctx.input('data').path);
  const chosen = someRows(spread(rows, COMPARED));
  const predictor = await logisticFamily.load(path, 'onnx', ctx.threads);
  const difference = checkDistance(
    [await predictor.predict(chosen.map(({ text }) => text))],
    [
      await answers(
        join(output, EXACT),
        model,
        chosen.map(({ text }) => text),
        ctx.threads,
      ),
    ],
    ['the data'],
    'ONNX Runtime',
  );
  const files = ['model.safetensors', JSON_FILE, EXACT];
  const sizes = await Promise.all(files.map(async (file) => [file, (await stat(join(output, file))).size] as const));
  return {
    type: 'logistic',
    pipeline: undefined,
    labels: model.labels,
    parameters: predictor.parameters,
    trainedOn: await trainedOn(output),
    pairs: false,
    maxLength: undefined,
    files: Object.fromEntries(sizes),
    exactness: {
      rows: chosen.length,
      difference,
      transformers: { state: 'unsupported', message: 'loads transformers only' },
    },
    short: undefined,
  };
}

/** All that is needed to apply it in any language: see the model card. */
function jsonOf({ labels, options, vocabulary, weight, bias }: AppliedLogistic) {
  const { word_ngrams, max_words, lowercase } = options;
  const numbers = (data: Float32Array): number[] => Array.from(data, (x) => Number(x.toPrecision(9)));
  return {
    type: 'logistic',
    labels,
    words: { pattern: WORD.source, flags: WORD.flags, lowercase, max_words, word_ngrams },
    ngrams: vocabulary.ngrams,
    idf: numbers(vocabulary.idf),
    weight: numbers(weight),
    bias: numbers(bias),
  };
}

async function answers(
  file: string,
  { options }: AppliedLogistic,
  texts: readonly string[],
  threads: number,
): Promise<Float32Array> {
  const session = await createSession(file, 'cpu', threads, true);
  try {
    const words = texts.map((text) => wordsOf(text, options));
    const columns = Math.max(1, ...words.map(({ length }) => length));
    const data = words.flatMap((own) => [...own, ...Array<string>(columns - own.length).fill('')]);
    const { logits } = await session.run({ [WORDS]: { dtype: 'string', shape: [texts.length, columns], data } }, [
      'logits',
    ]);
    return logits as Float32Array;
  } finally {
    await session.release();
  }
}
