import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
// Compiled: a part of the step runs in a process of its own.
import { exportModel } from '../../dist/steps/export.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { AnyStep } from '../../src/engine/step.js';
import type { Head } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { initialize, type Parameters } from '../../src/models/initialize.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import { Random } from '../../src/util/random.js';
import { type ContextOptions, runStep, type TestContext } from '../steps/context.js';

const WORDS = ['red', 'blue', 'old', 'green', 'lamp', 'cup', 'chair', 'door', 'the', 'and', 'naïve', 'Zürich', '日本'];
export const LABELS = ['ham', 'spam'];

/** What a model's outputs are called. */
const NAMES: Readonly<Partial<Record<Head, readonly string[]>>> = {
  classifier: LABELS,
  'multi-label': LABELS,
  'token-classifier': ['O', 'B-thing', 'I-thing'],
  regression: ['score'],
};

/** Texts of many lengths, some longer than the models here read. */
export function rowsOf(count: number): Row[] {
  const random = new Random(5, 'export');
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 1 + random.below(30) }, () => WORDS[random.below(WORDS.length)]);
    const text = `${words.join(' ')} ${i}!`;
    return { id: rowId(text), text, label: LABELS[i % 2] as string };
  });
}

export interface Made {
  /** Artifacts. */
  readonly model: string;
  readonly data: string;
  readonly rows: readonly Row[];
}

/** A model that knows nothing, but whose answers differ from text to text, and data to check it with. */
export async function makeModel(
  root: string,
  type: string,
  head: Head,
  { count = 40, pairs = false, change = (_: Parameters): void => {} } = {},
): Promise<Made> {
  const rows = rowsOf(count).map((row, i, all) =>
    pairs ? { ...row, fields: { pair: (all[count - 1 - i] as Row).text } } : row,
  );
  const data = join(root, 'data');
  await mkdir(data, { recursive: true });
  await writeDataset(data, LABELS, rows);
  const { decoder, ...architecture } = architectureOf({ type });
  const options = decoder ? { type: 'byte-bpe', vocabulary: 300 } : { vocabulary: 160 };
  const inputs = { data: { kind: 'dataset', path: data } };
  const { outputs } = await runStep(trainTokenizer, { options, inputs, root: join(root, 'tokenizer') });
  const tokenizer = await loadTokenizer(outputs.tokenizer as string);
  const labels = NAMES[head] ?? [];
  const scratch = architecture.scratch({
    type,
    vocabulary: tokenizer.vocabularySize,
    layers: 2,
    hidden: 32,
    heads: 4,
    kvHeads: 2,
    intermediate: 64,
    maxLength: 32,
    head,
    labels: labels.length,
    dropout: 0.1,
    padId: tokenizer.padId,
  });
  const config = {
    ...scratch,
    eosId: decoder ? tokenizer.endId : null,
    ...(pairs && { pairs: true as const }),
  };
  const parameters = initialize(architecture.parameters(config), 7);
  for (const { shape, data } of Object.values(parameters)) {
    if (shape.length === 2) for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) * 10;
  }
  change(parameters);
  const model = join(root, 'model');
  await mkdir(model);
  await saveTransformer(model, { config, labels, parameters }, outputs.tokenizer as string, { rows: 40, labelled: 40 });
  return { model, data, rows };
}

/** Runs the step on what `makeModel` made. */
export function runExport(
  root: string,
  { model, data }: Pick<Made, 'model' | 'data'>,
  more: Partial<ContextOptions> = {},
): Promise<TestContext> {
  return runStep(exportModel as unknown as AnyStep, {
    root: join(root, 'export'),
    options: {},
    ...more,
    inputs: {
      model: { kind: 'model', path: model, from: 'student' },
      data: { kind: 'dataset', path: data },
      ...more.inputs,
    },
  });
}
