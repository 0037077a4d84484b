import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import type { LogitsCache, Wanted } from '../../src/data/logits.js';
import { loadTokenizer, type TextTokenizer } from '../../src/data/tokenizer.js';
import type { ParameterSpecs, Shape, TransformerConfig } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import type { Parameters } from '../../src/models/initialize.js';
import type { Stage } from '../../src/options/train.js';
import { cacheLogits } from '../../src/steps/cache-logits.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { Making } from '../../src/train/examples.js';
import type { Asked } from '../../src/train/objective-parts.js';
import type { Json, JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { type ContextOptions, runStep, type TestContext, withDefaults } from '../steps/context.js';

export const LABELS = ['ham', 'spam'];

/** A stage's objectives as a recipe says them, with their defaults. */
export function objectivesOf(...objectives: Json[]): Stage['objectives'] {
  const model = { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 16 };
  const options = withDefaults('train', { model, stages: [{ objectives }] });
  return (options.stages as unknown as Stage[])[0]?.objectives as Stage['objectives'];
}

/** A folder for the tests of one file. */
export async function sharedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recipe-test-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Texts of 1 to `longest` words; which words there are tells the label. Every third has none. */
export function madeUpRows(count: number, longest: number): Row[] {
  const random = new Random(4, 'rows');
  const words = { ham: ['lunch', 'notes', 'thanks', 'agenda'], spam: ['winner', 'cheap', 'pills', 'money'] };
  const common = ['the', 'a', 'you', 'of', 'mail'];
  return Array.from({ length: count }, (_, i) => {
    const label = LABELS[i % 2] as 'ham' | 'spam';
    const pick = (): string => {
      const from = random.below(2) ? words[label] : common;
      return from[random.below(from.length)] as string;
    };
    const text = [words[label][0], ...Array.from({ length: random.below(longest) }, pick), i].join(' ');
    return { id: rowId(text), text, label: i % 3 === 2 ? null : label };
  });
}

export interface Corpus {
  readonly data: string;
  readonly rows: readonly Row[];
  readonly tokenizerFolder: string;
  readonly tokenizer: TextTokenizer;
}

/** A dataset and a tokenizer trained on it, in a folder. */
export async function makeCorpus(folder: string, rows: readonly Row[]): Promise<Corpus> {
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  await writeDataset(data, LABELS, rows);
  const { outputs } = await runStep(trainTokenizer, {
    options: { vocabulary: 100 },
    inputs: { data: { kind: 'dataset', path: data } },
    root: join(folder, 'tokenizer'),
  });
  const tokenizerFolder = outputs.tokenizer as string;
  return { data, rows, tokenizerFolder, tokenizer: await loadTokenizer(tokenizerFolder) };
}

export const tinyConfig = (vocabulary: number, changes: Partial<Shape> = {}): TransformerConfig => {
  const shape: Shape = {
    type: 'bert',
    vocabulary,
    layers: 2,
    hidden: 8,
    heads: 2,
    kvHeads: 2,
    intermediate: 16,
    maxLength: 40,
    head: 'classifier',
    labels: LABELS.length,
    dropout: 0.2,
    padId: 0,
    ...changes,
  };
  return architectureOf(shape).scratch(shape);
};

export const parametersOf = (config: TransformerConfig): ParameterSpecs => architectureOf(config).parameters(config);

/** Parameters far enough from zero that every part of the model matters. */
export function randomParameters(config: TransformerConfig, seed = 1): Parameters {
  const parameters: Parameters = {};
  for (const [name, { shape, initial }] of Object.entries(parametersOf(config))) {
    const random = new Random(seed, name);
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) data[i] = 0.4 * random.normal() + (initial === 'ones' ? 1 : 0);
    parameters[name] = { dtype: 'float32', shape, data };
  }
  return parameters;
}

/** Four layers, 12 wide: another size than the student's. */
export const teacherConfig = (vocabulary: number): TransformerConfig =>
  tinyConfig(vocabulary, { layers: 4, hidden: 12, intermediate: 20 });

/** A teacher with random weights, saved as a model folder. */
export async function makeTeacher(
  folder: string,
  corpus: Corpus,
  config = teacherConfig(corpus.tokenizer.vocabularySize),
): Promise<string> {
  const model = join(folder, 'teacher');
  await mkdir(model, { recursive: true });
  const parameters = randomParameters(config, 9);
  await saveTransformer(model, { config, labels: LABELS, parameters }, corpus.tokenizerFolder, {
    rows: 0,
    labelled: 0,
  });
  return model;
}

/** Runs `cache-logits`. */
export async function capture(
  root: string,
  corpus: Pick<Corpus, 'data'>,
  teacher: string,
  options: JsonObject,
  more: Pick<ContextOptions, 'shared' | 'seed'> = {},
): Promise<TestContext> {
  await mkdir(root, { recursive: true });
  return runStep(cacheLogits, {
    options,
    inputs: { teacher: { kind: 'model', path: teacher }, data: { kind: 'dataset', path: corpus.data } },
    root,
    ...more,
  });
}

/** What a batch is made with, where each teacher knows all rows. */
export const makingOf = (
  caches: readonly LogitsCache[] = [],
  wanted: readonly (Wanted & Partial<Asked>)[] = [],
): Making => ({
  caches,
  wanted: wanted.map((each) => ({ temperature: 1, ...each })),
  partial: caches.map((cache) => cache === undefined),
  random: (purpose) => new Random(1, purpose),
});
