import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CurveReport } from '../../src/curve/report.js';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { learningCurve } from '../../src/steps/learning-curve.js';
import { Random } from '../../src/util/random.js';
import { digests, makeContext, runStep, type TestContext, withDefaults } from '../steps/context.js';
import { type Corpus, LABELS, makeCorpus, sharedFolder } from '../train/rig.js';

/** Texts of ten words out of 400, of which one half is rather of one label: the more texts, the more words are known. */
function rowsOf(from: number, count: number, label = (i: number) => LABELS[i % 2] as string): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new Random(9, `text ${from + i}`);
    const own = label(i);
    const word = (): string => {
      const half = LABELS.indexOf(random.uniform() < 0.72 ? own : (LABELS.find((each) => each !== own) as string));
      return `w${Math.floor(200 * random.uniform()) * 2 + half}`;
    };
    const text = `${Array.from({ length: 10 }, word).join(' ')} ${from + i}`;
    return { id: rowId(text), text, label: own };
  });
}

describe('learning-curve', async () => {
  const folder = await sharedFolder();
  const run = (learningCurve as StepDefinition<never>).run;
  let corpus: Corpus;
  let test: string;

  beforeAll(async () => {
    corpus = await makeCorpus(folder, rowsOf(0, 640));
    test = join(folder, 'test');
    await mkdir(test);
    await writeDataset(test, LABELS, rowsOf(1000, 400));
  });

  const inputs = () => ({
    data: { kind: 'dataset', path: corpus.data },
    test: { kind: 'dataset', path: test },
  });
  const reportOf = async ({ outputs }: TestContext): Promise<CurveReport> =>
    JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as CurveReport;

  it('trains a logistic model at growing sizes, and says what the next point takes and costs', async () => {
    const usage = { kind: 'measurement', value: { usd_a_thousand: 0.4 } };
    const made = await runStep(learningCurve, {
      options: { model: { type: 'logistic', word_ngrams: 1, min_count: 1 }, metric: 'accuracy' },
      inputs: { ...inputs(), usage },
    });
    const report = await reportOf(made);
    expect(report).toMatchObject({
      task: 'classification',
      metric: 'accuracy',
      model: 'logistic',
      rows: 640,
      test: { rows: 400 },
    });
    expect(report.points.map(({ rows }) => rows)).toEqual([20, 40, 80, 160, 320, 640]);
    const [first, last] = [report.points[0]?.mean, report.points.at(-1)?.mean] as [number, number];
    expect(last - first).toBeGreaterThan(0.1);
    expect(report.points.at(-1)?.values).toEqual([last, last, last]);
    expect(report.verdict).toBe('reachable');
    const { rows } = report.next as NonNullable<CurveReport['next']>;
    // A bill is not of the report, whose bytes it would change from run to run.
    expect(report.next?.usd).toBeNull();
    expect(made.measured.next).toMatchObject({ verdict: 'reachable', said: expect.stringMatching(/about \$0\.\d{4}/) });
    const { usd, rows: more } = made.measured.next as { usd: number; rows: number };
    expect(usd).toBeCloseTo(0.0004 * more, 8);
    expect(more).toBeCloseTo(rows.value, 1);
    expect(made.tables[0]?.rows).toHaveLength(6);
    expect(learningCurve.recalls?.(made.measured)).toEqual([made.tables[0]?.notes[0]]);
    expect(made.progress[0]?.phase).toMatch(/^20 rows, seed 1 of 3 \(training 1 of 18\)/);
  });

  it('ends with the same bytes however often it is stopped', async () => {
    const options = withDefaults('learning-curve', {
      model: { type: 'bert', layers: 1, hidden: 8, heads: 2, max_length: 16 },
      stages: [{ objectives: ['hard-label'], updates: 3 }],
      batch_size: 8,
      sizes: [16, 8, 24, 40],
      seeds: 2,
    });
    const given = { ...inputs(), tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder } };
    const straight = await makeContext({ options, inputs: given });
    await run(straight.ctx);
    const root = join(folder, 'stopped');
    await mkdir(root);
    const seen: string[] = [];
    for (const stopAfter of [2, 4, 5]) {
      const stop = new AbortController();
      const { ctx } = await makeContext({ options, inputs: given, root, signal: stop.signal });
      let reports = 0;
      const progress: StepContext<never>['progress'] = async ({ phase, done, total }) => {
        seen.push(`${phase?.split(' (')[0]}: ${done} of ${total}`);
        if (++reports === stopAfter) stop.abort();
      };
      await expect(run({ ...ctx, progress })).rejects.toThrow('abort');
    }
    // An update that was done is not done again.
    expect(seen.slice(0, 5)).toEqual([
      '8 rows, seed 1 of 2: 1 of 3',
      '8 rows, seed 1 of 2: 2 of 3',
      '8 rows, seed 1 of 2: 3 of 3',
      expect.stringContaining('8 rows, seed 1 of 2'),
      expect.stringContaining('8 rows, seed 1 of 2'),
    ]);
    const resumed = await makeContext({ options, inputs: given, root });
    await run(resumed.ctx);
    expect(await digests(resumed.outputs.report as string)).toEqual(await digests(straight.outputs.report as string));
    expect((await reportOf(resumed)).points.map(({ rows }) => rows)).toEqual([8, 16, 24, 40]);
  });

  it('refuses what would say nothing', async () => {
    const options = { model: { type: 'logistic' } };
    const failure = (more: object, given: object = {}) =>
      runStep(learningCurve, { options: { ...options, ...more }, inputs: { ...inputs(), ...given } });
    await expect(failure({ sizes: [10, 20, 40, 900] })).rejects.toMatchObject({
      message: 'there are 640 rows to learn from, and this asks for 900',
      pointer: '/sizes/3',
    });
    await expect(failure({}, { test: inputs().data })).rejects.toThrow('640 of the 640 rows of the input "test" are');
    const few = join(folder, 'few');
    await mkdir(few);
    await writeDataset(few, LABELS, rowsOf(5000, 40));
    const small = { kind: 'dataset', path: few };
    await expect(failure({}, { test: small })).rejects.toThrow('40 of the 40 rows of the input "test" have a label');
    await expect(failure({}, { data: small })).rejects.toThrow(
      '40 rows to learn from are too few to be halved 5 times',
    );
    const problems = (learningCurve as StepDefinition<unknown>).problems?.(
      { ...withDefaults('learning-curve', { ...options, usd_per_row: 0.1 }), usage: '…' },
      [],
    );
    expect(problems).toMatchObject([{ pointer: '/usd_per_row' }]);
  });
});
