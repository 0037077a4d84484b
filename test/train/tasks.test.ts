import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { LogitsCache } from '../../src/data/logits.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import { firstPieces, wordsOf } from '../../src/data/words.js';
import { describeTransformer } from '../../src/models/checkpoint.js';
import { loadTagger, type Tagged } from '../../src/models/tagger.js';
import type { TaskReport } from '../../src/report/task-report.js';
import { cacheLogits } from '../../src/steps/cache-logits.js';
import { evaluate } from '../../src/steps/evaluate.js';
import { train } from '../../src/steps/train.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import type { JsonObject } from '../../src/util/json.js';
import { Random } from '../../src/util/random.js';
import { type InputGiven, runStep, type TestContext } from '../steps/context.js';
import { sharedFolder } from './rig.js';

const NAMES: Readonly<Record<string, readonly string[]>> = { LOC: ['rome', 'oslo'], PER: ['ann', 'bob'] };

/** Texts with names of persons and places in them. Every fifth row has no spans. */
function named(count: number, seed: number): Row[] {
  const random = new Random(seed, 'named');
  const pick = (list: readonly string[]): string => list[random.below(list.length)] as string;
  return Array.from({ length: count }, (_, i): Row => {
    const spans: { start: number; end: number; label: string }[] = [];
    let text = pick(['today', 'then', 'once']);
    for (let k = 0; k <= random.below(3); k++) {
      const label = pick(['PER', 'LOC']);
      const own = NAMES[label] as readonly string[];
      const name = Array.from({ length: 1 + random.below(2) }, () => pick(own)).join(' ');
      spans.push({ start: text.length + 1, end: text.length + 1 + name.length, label });
      text += ` ${name} ${pick(['sat', 'ran', 'slept'])}`;
    }
    text += ', 😀.';
    return { id: rowId(text), text, label: null, ...(i % 5 !== 4 && { spans }) };
  });
}

const MODEL = { type: 'bert', layers: 1, hidden: 32, heads: 4, max_length: 40, dropout: 0 };
const STAGE = { epochs: 10, learning_rate: 0.004 };

/** Runs steps over the rows of one folder. */
class Bench {
  private count = 0;
  tokenizer: InputGiven = { kind: 'tokenizer' };
  constructor(private readonly folder: string) {}

  /** @param span_labels of the whole corpus, where the rows have no spans */
  async dataset(rows: readonly Row[], labels: readonly string[] = [], span_labels: string[] = []): Promise<InputGiven> {
    const path = join(this.folder, `data-${this.count++}`);
    await mkdir(path);
    await writeDataset(path, labels, rows, undefined, { span_labels });
    return { kind: 'dataset', path };
  }

  async learnWords(data: InputGiven): Promise<void> {
    const root = join(this.folder, 'tokenizer');
    const { outputs } = await runStep(trainTokenizer, { options: { vocabulary: 100 }, inputs: { data }, root });
    this.tokenizer = { kind: 'tokenizer', path: outputs.tokenizer as string };
  }

  async train(options: JsonObject, inputs: Record<string, InputGiven>): Promise<InputGiven & { context: TestContext }> {
    const root = join(this.folder, `model-${this.count++}`);
    await mkdir(root);
    const all = { model: MODEL, batch_size: 8, ...options };
    const context = await runStep(train, { options: all, inputs: { tokenizer: this.tokenizer, ...inputs }, root });
    return { kind: 'model', path: context.outputs.model as string, from: root.split('/').at(-1) as string, context };
  }

  async cache(teacher: InputGiven, data: InputGiven, options: JsonObject = {}): Promise<InputGiven> {
    const root = join(this.folder, `logits-${this.count++}`);
    await mkdir(root);
    const { outputs } = await runStep(cacheLogits, { options, inputs: { teacher, data }, root });
    return { kind: 'logits', path: outputs.logits as string };
  }

  async evaluate(options: JsonObject, inputs: Record<string, InputGiven | InputGiven[]>) {
    const context = await runStep(evaluate, { options, inputs });
    const folder = context.outputs.report as string;
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as TaskReport;
    const lines = (await readFile(join(folder, 'predictions.jsonl'), 'utf8')).trimEnd().split('\n');
    return { report, context, predictions: lines.map((line) => JSON.parse(line)) };
  }
}

const message = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: Error) => error.message,
  );

describe('tagging', async () => {
  const bench = new Bench(await sharedFolder());
  const [rows, held] = [named(150, 1), named(20, 2)];
  let data: InputGiven;
  let validation: InputGiven;
  let teacher: Awaited<ReturnType<Bench['train']>>;
  let logits: InputGiven;

  beforeAll(async () => {
    data = await bench.dataset(rows);
    validation = await bench.dataset(held);
    await bench.learnWords(data);
    const stages = [{ objectives: ['hard-label'], ...STAGE, validate: {} }];
    teacher = await bench.train({ task: 'tagging', stages }, { data, validation });
    logits = await bench.cache(teacher, data, { hidden_states: [1], dtype: 'float32' });
  });

  it('finds entities, judged by their F1 while it learns', async () => {
    expect(teacher.context.logs.map(({ message }) => message).join('\n')).toContain('entity_f1');
    const config = JSON.parse(await readFile(join(teacher.path as string, 'config.json'), 'utf8'));
    expect(config.architectures).toEqual(['BertForTokenClassification']);
    expect(config.id2label).toEqual({ 0: 'O', 1: 'B-LOC', 2: 'I-LOC', 3: 'B-PER', 4: 'I-PER' });
    const { trained_on } = JSON.parse(await readFile(join(teacher.path as string, 'recipe.json'), 'utf8'));
    expect(trained_on).toEqual({ rows: 120, labelled: 120 });
  });

  it('as a teacher is kept token by token, as it answers itself', async () => {
    const cache = await LogitsCache.open(logits.path as string);
    expect(cache.index.task).toBe('tagging');
    const { config } = await describeTransformer(teacher.path as string);
    const tokenizer = await loadTokenizer(teacher.path as string);
    const { tokens, places } = await tokenizer.locate(
      rows.map(({ text }) => text),
      config.maxLength,
    );
    const tagger = await loadTagger(teacher.path as string, 'onnx', 2);
    const said = await tagger.tag(rows);
    await tagger.close();
    for (const [i, row] of rows.entries()) {
      const kept = cache.read(row.id, tokens.ids(i), { logits: true, hiddenStates: [], attention: [] });
      expect(kept.logits).toHaveLength(5 * tokens.length(i));
      const first = firstPieces(wordsOf(row), places[i] as (typeof places)[number]);
      const own = said[i] as Tagged;
      expect([...own.tokens]).toEqual([...first]);
      for (const [word, token] of first.entries()) {
        for (let k = 0; k < 5; k++) {
          expect(kept.logits?.[5 * token + k]).toBeCloseTo(own.logits[5 * word + k] as number, 4);
        }
      }
    }
    expect(() => cache.classLogits(rows[0]?.id as string)).toThrow('those of a model for task "tagging"');
    cache.close();
  });

  it('is distilled, and both are judged', async () => {
    // Without gold: what the student knows it has from the teacher.
    const bare = await bench.dataset(
      rows.map(({ spans: _, ...row }) => row).concat(rows.slice(0, 1)),
      [],
      ['LOC', 'PER'],
    );
    const objectives = ['soft-label', { type: 'hidden-states', layer_map: 'last' }];
    const stages = [{ objectives, ...STAGE, epochs: 12 }];
    const student = await bench.train({ task: 'tagging', stages }, { data: bare, teacher: logits });
    const baseline = await bench.train(
      { task: 'tagging', stages: [{ objectives: ['hard-label'], updates: 1 }] },
      { data: bare },
    );
    const { report, predictions, context } = await bench.evaluate(
      { task: 'tagging', expect: { entity_f1: '>= 0.7', retention: '>= 0.9' } },
      { data: validation, teacher, students: [student], baseline },
    );
    expect(report.test).toEqual({ rows: 16, unlabelled: 4 });
    expect(report.compared_by).toBe('entity_f1');
    expect(report.expectations.map(({ met }) => met)).toEqual([true, true]);
    expect(report.models.map(({ role }) => role)).toEqual(['teacher', 'student', 'baseline']);
    expect(report.models[1]?.agreement?.value).toBeGreaterThan(0.8);
    const worst = report.models[2]?.worst_errors[0];
    const [truth, answer, above] = [worst?.truth, worst?.answer, worst?.teacher] as string[][];
    expect(truth?.map((word) => word.split('/')[0])).toEqual(answer?.map((word) => word.split('/')[0]));
    expect(truth?.every((word, i) => word !== answer?.[i])).toBe(true);
    expect(above).toHaveLength(truth?.length as number);
    expect(report.models[1]?.trained_on).toEqual({ rows: 151, labelled: 1 });
    expect(report.models[0]?.retention).toBeNull();
    expect(report.models[1]?.ahead_of_baseline?.value).toBeGreaterThan(0.5);
    expect(predictions[0].truth).toHaveLength(wordsOf(held[0] as Row).length);
    expect(predictions[0].predictions[0].answer).toEqual(predictions[0].truth);
    expect(context.tables[0]?.columns.map(({ label }) => label)).toContain('entity F1');
    expect(
      await message(
        bench.evaluate({ task: 'tagging', expect: { accuracy: '> 1' } }, { data: validation, students: [student] }),
      ),
    ).toContain('misses what the recipe expects: accuracy is');
  });

  it('learns the same from several batches as from a large one', async () => {
    const first = async (options: JsonObject): Promise<number> => {
      const stages = [{ objectives: ['hard-label'], updates: 1, learning_rate: 1e-9 }];
      const { context } = await bench.train({ task: 'tagging', stages, ...options }, { data });
      return context.progress.at(-1)?.loss as number;
    };
    expect(await first({ batch_size: 30, accumulate: 4 })).toBeCloseTo(await first({ batch_size: 120 }), 5);
  });

  it('learns the same from a teacher that is asked as from what it said', async () => {
    const objectives = [{ type: 'soft-label', temperature: 2 }];
    const first = async (given: InputGiven): Promise<number> => {
      const stages = [{ objectives, updates: 1, learning_rate: 1e-9 }];
      const { context } = await bench.train({ task: 'tagging', stages }, { data, teacher: given });
      return context.progress.at(-1)?.loss as number;
    };
    expect(await first({ kind: 'model', path: teacher.path as string })).toBeCloseTo(await first(logits), 4);
  });

  it('says what is wrong', async () => {
    const stages = [{ objectives: ['hard-label'], updates: 1 }];
    const tagging = { task: 'tagging', stages };
    const fail = (options: JsonObject, inputs: Record<string, InputGiven>) => message(bench.train(options, inputs));
    const strange = await bench.dataset([{ ...(held[0] as Row), spans: [{ start: 0, end: 4, label: 'DAY' }] }]);
    const judged = { task: 'tagging', stages: [{ objectives: ['hard-label'], updates: 1, validate: {} }] };
    expect(await fail(judged, { data, validation: strange })).toMatch(
      /row \w+ of the input "validation": the word "\w+" has the tag "B-DAY", which the training data does not know/,
    );
    expect(await fail(tagging, { data: await bench.dataset([{ id: 'a', text: 'a', label: null }]) })).toBe(
      'no row of the input "data" has words with tags, or spans',
    );
    expect(await fail({ ...tagging, model: { ...MODEL, type: 'gpt2' } }, { data })).toContain(
      'a gpt2 model reads from left to right',
    );
    expect(
      await fail({ task: 'tagging', model: { type: 'logistic' } }, { data, tokenizer: undefined as never }),
    ).toContain('it cannot be trained for task "tagging"');
    expect(await fail({ ...tagging, prompt: 'x' }, { data })).toContain('task "tagging" takes no "prompt"');
    const classes = await bench.dataset(
      rows.map((row, i) => ({ ...row, label: i % 2 ? 'a' : 'b' })),
      ['a', 'b'],
    );
    const soft = { stages: [{ objectives: ['soft-label'], updates: 1 }] };
    expect(await fail({ task: 'classification', ...soft }, { data: classes, teacher: logits })).toContain(
      `those of a model for task "tagging", and the student learns task "classification"`,
    );
    const classifier = await bench.train({ stages }, { data: classes });
    const evaluating = { data: validation, students: [classifier] };
    expect(await message(bench.evaluate({ task: 'tagging' }, evaluating))).toContain('labels no words');
    expect(await message(bench.evaluate({}, { data: classes, students: [teacher] }))).toContain('has no classifier');
    expect(await message(bench.evaluate({ task: 'tagging' }, { data: strange, students: [teacher] }))).toContain(
      'two are the least',
    );
    const odd = await bench.dataset([
      ...held,
      { ...(held[0] as Row), id: 'b', spans: [{ start: 0, end: 4, label: 'DAY' }] },
    ]);
    expect(await message(bench.evaluate({ task: 'tagging' }, { data: odd, students: [teacher] }))).toContain(
      'row b of the input "data": the word',
    );
  });

  it('is gone on with, and pretrained, by head', async () => {
    const stages = [{ objectives: ['hard-label'], updates: 1, learning_rate: 1e-9 }];
    const model = { type: 'pretrained', dropout: 0 };
    const again = await bench.train(
      { task: 'tagging', model, stages },
      { data, init: teacher, tokenizer: undefined as never },
    );
    const { report } = await bench.evaluate({ task: 'tagging' }, { data: validation, students: [teacher, again] });
    expect(report.models[1]?.figures).toEqual(report.models[0]?.figures);
  });
});

describe('labels and scores', async () => {
  const bench = new Bench(await sharedFolder());
  const random = new Random(3, 'topics');
  const topics: Readonly<Record<string, string>> = { food: 'soup', money: 'price', sport: 'goal' };
  const rows = Array.from({ length: 150 }, (_, i): Row => {
    const labels = Object.keys(topics).filter(() => random.uniform() < 0.4);
    const stars = random.below(4);
    const text = [...labels.map((label) => topics[label]), ...Array(stars).fill('nice'), 'day'].join(' ');
    return { id: rowId(text), text, label: null, ...(i % 6 !== 5 && { labels, score: stars }) };
  });
  const LABELS = Object.keys(topics);
  let data: InputGiven;
  let test: InputGiven;

  beforeAll(async () => {
    data = await bench.dataset(rows.slice(0, 120), LABELS);
    test = await bench.dataset(rows.slice(120), LABELS);
    await bench.learnWords(data);
  });

  it.each([
    ['multi-label', 'micro_f1', { micro_f1: '>= 0.75', macro_f1: '>= 0.7' }],
    ['regression', 'pearson', { pearson: '>= 0.9', mae: '<= 0.5' }],
  ])('%s is learnt, kept, distilled and judged', async (task, main, expected) => {
    const hard = [{ objectives: ['hard-label'], ...STAGE, epochs: 12, validate: {} }];
    const teacher = await bench.train({ task, stages: hard }, { data, validation: test });
    expect(teacher.context.logs.map(({ message }) => message).join('\n')).toContain(main);
    const logits = await bench.cache(teacher, data);
    const bare = await bench.dataset(
      rows.slice(0, 120).map(({ labels: _, score: __, ...row }) => row),
      LABELS,
    );
    const soft = [{ objectives: ['soft-label'], ...STAGE, epochs: 15 }];
    const student = await bench.train({ task, stages: soft }, { data: bare, teacher: logits });
    const { report, predictions } = await bench.evaluate(
      { task, expect: { ...expected, retention: '>= 0.9', size_ratio: '<= 1' } },
      { data: test, teacher, students: [student] },
    );
    expect(report.compared_by).toBe(main);
    expect(report.test).toEqual({ rows: 25, unlabelled: 5 });
    expect(report.models[0]?.trained_on).toEqual({ rows: 100, labelled: 100 });
    expect(report.models[1]?.trained_on).toEqual({ rows: 120, labelled: 0 });
    // With the teacher's answers as what is right.
    const { agreement } = report.models[1] as TaskReport['models'][number];
    expect(report.models[0]?.agreement).toBeNull();
    expect(agreement?.value).toBeGreaterThan(0.9);
    expect(agreement?.interval?.low).toBeLessThanOrEqual(agreement?.value as number);
    // As the report has it: of the teacher, the first.
    const first = predictions.map(({ truth, predictions: [{ answer }] }) => ({ truth, answer }));
    const [{ figures }] = report.models as readonly [TaskReport['models'][number]];
    if (task === 'multi-label') {
      const right = first.filter(({ truth, answer }) => answer.labels.join() === truth.join()).length;
      expect(right / 25).toBeCloseTo(figures.accuracy as number, 12);
    } else {
      expect(first.reduce((sum, { truth, answer }) => sum + Math.abs(answer - truth), 0) / 25).toBeCloseTo(
        figures.mae as number,
        5,
      );
    }
  });

  it('says what is wrong', async () => {
    const stages = [{ objectives: ['hard-label'], updates: 1, validate: {} }];
    const fail = (options: JsonObject, inputs: Record<string, InputGiven>) => message(bench.train(options, inputs));
    const other = await bench.dataset([{ ...(rows[0] as Row), labels: ['art'] }], ['art']);
    expect(await fail({ task: 'multi-label', stages }, { data, validation: other })).toContain(
      `row ${rows[0]?.id} of the input "validation" has the label "art", which the training data does not know`,
    );
    const none = await bench.dataset([{ id: 'a', text: 'a', label: null }]);
    expect(await fail({ task: 'multi-label', stages }, { data: none })).toContain(
      'needs labels, and the data has none',
    );
    expect(await fail({ task: 'regression', stages }, { data: none, validation: none })).toContain(
      'no row of the input "validation" has a score',
    );
    expect(
      await fail({ task: 'regression', stages: [{ objectives: ['hard-label'], updates: 1 }] }, { data: none }),
    ).toContain('no training row has one');
    const metric = [{ objectives: ['hard-label'], updates: 1, validate: { metric: 'accuracy' } }];
    expect(await fail({ task: 'regression', stages: metric }, { data, validation: test })).toContain(
      'judged by accuracy, which makes no sense for task "regression"',
    );
    const scorer = await bench.train(
      { task: 'regression', stages: [{ objectives: ['hard-label'], updates: 1 }] },
      { data },
    );
    const logits = await bench.cache(scorer, data);
    const warm = [{ objectives: [{ type: 'soft-label', temperature: 2 }], updates: 1 }];
    expect(await fail({ task: 'regression', stages: warm }, { data, teacher: logits })).toContain(
      'a score has no temperature and no divergence',
    );
    expect(await message(bench.evaluate({ task: 'multi-label' }, { data: test, students: [scorer] }))).toContain(
      'was not trained for task: multi-label',
    );
  });
});
