import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CurveReport } from '../../src/curve/report.js';
import { rowsAt } from '../../src/curve/sizes.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import type { StepDefinition } from '../../src/engine/step.js';
import type { MatchReport } from '../../src/report/matching.js';
import type { TaskFigure } from '../../src/report/task-figures.js';
import type { TaskReport } from '../../src/report/task-report.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { evaluateMatching } from '../../src/steps/evaluate-matching.js';
import { learningCurve } from '../../src/steps/learning-curve.js';
import { train } from '../../src/steps/train.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random, streamKey } from '../../src/util/random.js';
import { type InputGiven, runStep, withDefaults } from '../steps/context.js';
import { MATCHES, madeUpTopics } from '../train/matching.js';
import { sharedFolder } from '../train/rig.js';

const WORDS = ['rome', 'oslo', 'paris', 'ann', 'bob', 'eve'];
const COMMON = ['today', 'then', 'once', 'sat', 'ran', 'slept', 'and', 'with'];

/** Texts of places and persons: a tag of each word, the labels of what is there, and how many of them are places. */
function madeUp(count: number, stream: string): Row[] {
  const random = new Random(3, stream);
  return Array.from({ length: count }, (_, i): Row => {
    const words = Array.from({ length: 8 }, (): string => {
      const list = random.below(2) ? WORDS : COMMON;
      return list[random.below(list.length)] as string;
    });
    const tags = words.map((word) => ['B-LOC', 'B-PER'][Math.floor(WORDS.indexOf(word) / 3)] ?? 'O');
    const text = [...words, `n${stream}${i}`].join(' ');
    let start = 0;
    return {
      id: rowId(text),
      text,
      label: null,
      words: words.map((word, k) => {
        const at = { start, end: start + word.length, tag: tags[k] as string };
        start = at.end + 1;
        return at;
      }),
      labels: ['LOC', 'PER'].filter((label) => tags.filter((tag) => tag.endsWith(label)).length > 1),
      score: tags.filter((tag) => tag === 'B-LOC').length,
    };
  });
}

const MODEL = { type: 'bert', layers: 1, hidden: 16, heads: 2, max_length: 24, dropout: 0 };
const SIZES = [12, 24, 48, 96];
const SEED = 7;

describe('learning-curve of other tasks', async () => {
  const folder = await sharedFolder();
  let count = 0;
  const dataset = async (rows: readonly Row[], labels: readonly string[]): Promise<InputGiven> => {
    const path = join(folder, `data-${count++}`);
    await mkdir(path);
    await writeDataset(path, labels, rows);
    return { kind: 'dataset', path };
  };
  const tokenizerOf = async (data: InputGiven): Promise<InputGiven> => {
    const root = join(folder, `tokenizer-${count++}`);
    const { outputs } = await runStep(trainTokenizer, { options: { vocabulary: 200 }, inputs: { data }, root });
    return { kind: 'tokenizer', path: outputs.tokenizer as string };
  };
  let inputs: { data: InputGiven; test: InputGiven; tokenizer: InputGiven };
  let pairs: typeof inputs;

  beforeAll(async () => {
    const own = async (data: InputGiven, test: InputGiven) => ({ data, test, tokenizer: await tokenizerOf(data) });
    const labels = ['LOC', 'PER'];
    inputs = await own(await dataset(madeUp(96, 'a'), labels), await dataset(madeUp(120, 'b'), labels));
    pairs = await own(
      await dataset(madeUpTopics(60, 'train'), MATCHES),
      await dataset(madeUpTopics(30, 'test'), MATCHES),
    );
  });

  const training = (task: string, more: JsonObject = {}): JsonObject => ({
    task,
    model: MODEL,
    // Tags of words, of which a text has eight, are learnt first.
    stages: [{ objectives: ['hard-label'], epochs: task === 'tagging' ? 1 : 8, learning_rate: 0.01 }],
    batch_size: 8,
    ...more,
  });
  const curveOf = async (options: JsonObject, given: Record<string, InputGiven> = inputs) => {
    const made = await runStep(learningCurve, {
      options: { sizes: SIZES, seeds: 2, ...options },
      inputs: given,
      seed: SEED,
    });
    const text = await readFile(join(made.outputs.report as string, 'report.json'), 'utf8');
    return { made, report: JSON.parse(text) as CurveReport };
  };

  it.each([
    ['tagging', 'entity_f1', 'entity F1'],
    ['multi-label', 'micro_f1', 'micro-F1'],
    ['regression', 'pearson', 'Pearson'],
  ])('%s goes by what evaluate goes by: %s', async (task, metric, name) => {
    const { made, report } = await curveOf(training(task));
    expect(report).toMatchObject({ task, metric, model: 'bert', rows: 96, test: { rows: 120, unlabelled: 0 } });
    expect(report.points.map(({ rows }) => rows)).toEqual(SIZES);
    const [first, last] = [report.points[0]?.mean, report.points.at(-1)?.mean] as [number, number];
    expect(last - first).toBeGreaterThan(0.1);
    expect(report.gain.low).toBeGreaterThan(0);
    expect(made.tables[0]?.columns[1]?.label).toBe(name);
    // What a train step makes of the same rows from the same start is worth the same to evaluate.
    const seed = streamKey(SEED, 'training 0');
    const data = await dataset(rowsAt(madeUp(96, 'a'), 96, seed), ['LOC', 'PER']);
    const { tokenizer, test } = inputs;
    const { outputs } = await runStep(train, { options: training(task), inputs: { data, tokenizer }, seed });
    const students = [{ kind: 'model', path: outputs.model as string }];
    const judged = await runStep(evaluate, { options: { task }, inputs: { data: test, students } });
    const whole = JSON.parse(
      await readFile(join(judged.outputs.report as string, 'report.json'), 'utf8'),
    ) as TaskReport;
    const value = whole.models[0]?.figures[metric as TaskFigure] as number;
    expect(report.points.at(-1)?.values[0]).toBeCloseTo(value, 5);
  });

  it('matching goes by the mean reciprocal rank among the pairs of a text, as evaluate-matching has it', async () => {
    const stages = [{ objectives: ['in-batch-negatives'], updates: 30, learning_rate: 0.01 }];
    const { report } = await curveOf(training('matching', { stages }), pairs);
    expect(report).toMatchObject({ task: 'matching', metric: 'mrr', rows: 180, test: { rows: 90 } });
    const seed = streamKey(SEED, 'training 0');
    const data = await dataset(rowsAt(madeUpTopics(60, 'train'), 96, seed), MATCHES);
    const { tokenizer, test } = pairs;
    const options = training('matching', { stages });
    const { outputs } = await runStep(train, { options, inputs: { data, tokenizer }, seed });
    const students = [{ kind: 'model', path: outputs.model as string }];
    const judged = await runStep(evaluateMatching, { options: {}, inputs: { data: test, students } });
    const whole = JSON.parse(
      await readFile(join(judged.outputs.report as string, 'report.json'), 'utf8'),
    ) as MatchReport;
    expect(report.points.at(-1)?.values[0]).toBeCloseTo(whole.models[0]?.mrr as number, 5);
  });

  it('pair-classification reads both texts', async () => {
    const stages = [{ objectives: ['hard-label'], updates: 3, learning_rate: 0.01 }];
    const { report } = await curveOf(training('pair-classification', { stages, metric: 'accuracy' }), pairs);
    expect(report).toMatchObject({ task: 'pair-classification', metric: 'accuracy', rows: 180 });
  });

  it('refuses a task that has no curve, and a metric that is another task’s', async () => {
    const problems = (options: JsonObject) =>
      (learningCurve as StepDefinition<unknown>).problems?.(withDefaults('learning-curve', options), []);
    expect(problems({ model: MODEL, task: 'masked-language-model' })).toMatchObject([
      {
        pointer: '/task',
        message: expect.stringContaining(
          'rows with an answer that is right, and task "masked-language-model" has none',
        ),
      },
    ]);
    expect(problems({ model: MODEL, task: 'tagging', metric: 'macro_f1' })).toEqual([
      { pointer: '/metric', message: 'task "tagging" has no metric "macro_f1"', hint: 'It has entity_f1, accuracy' },
    ]);
    expect(problems({ model: MODEL, task: 'tagging', metric: 'accuracy' })).toEqual([]);
    const plain = madeUp(60, 'c').map((row) => ({
      ...row,
      words: (row.words ?? []).map((word) => ({ ...word, tag: (word.tag as string).slice(-1) })),
    }));
    const tagged = { ...inputs, data: await dataset(plain, ['LOC', 'PER']) };
    await expect(curveOf(training('tagging', { metric: 'entity_f1' }), tagged)).rejects.toMatchObject({
      pointer: '/metric',
      hint: 'Take metric: accuracy.',
    });
    const strange = await dataset(
      madeUp(60, 'd').map((row) => ({ ...row, labels: ['MISC'] })),
      ['LOC', 'MISC', 'PER'],
    );
    await expect(curveOf(training('multi-label'), { ...inputs, test: strange })).rejects.toThrow(
      'of the input "test" has the label "MISC", which the model does not know',
    );
    const bare = await dataset(
      madeUp(60, 'e').map(({ score: _, ...row }) => row),
      ['LOC', 'PER'],
    );
    await expect(curveOf(training('regression'), { ...inputs, test: bare })).rejects.toThrow(
      '0 of the 60 rows of the input "test" have a score, and a point',
    );
  });
});
