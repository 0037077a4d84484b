import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChoiceReport } from '../../src/choose/report.js';
import { loadRegistry } from '../../src/cli/registry.js';
import { type Row, readDataset, rowId, writeDataset } from '../../src/data/dataset.js';
import { writeClassLogits } from '../../src/data/logits.js';
import { loadPlan } from '../../src/engine/plan-recipe.js';
import type { StepDefinition } from '../../src/engine/step.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { chooseData } from '../../src/steps/choose-data.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, type InputGiven, makeContext, runStep, temporaryFolder, withDefaults } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, randomParameters, sharedFolder, tinyConfig } from '../train/rig.js';

const TOPICS = ['cheap pills win money', 'meeting report thanks friday', 'garden tomato soil rain'];
const LABELS = ['ham', 'soil', 'spam'];
/** Rows of three topics, of which the third is rare; each has a sender. */
const ROWS = Array.from({ length: 90 }, (_, i): Row => {
  const topic = i % 15 === 0 ? 2 : i % 2;
  const words = (TOPICS[topic] as string).split(' ');
  const fields = { sender: `sender${i % 4}` };
  const text = `${words.join(' ')} ${words[i % 4]} number${i} again${i % 7} so${' '.repeat(100 * i)}`;
  const label = i % 10 === 9 ? null : (['spam', 'ham', 'soil'][topic] as string);
  return { id: rowId(text, fields), text, label, fields };
});

async function dataset(rows: readonly Row[], labels: readonly string[] = LABELS, by?: string): Promise<InputGiven> {
  const path = await temporaryFolder();
  await writeDataset(path, labels, rows, by);
  return { kind: 'dataset', path };
}

async function choose(options: JsonObject, more: Record<string, InputGiven | InputGiven[]> = {}, seed = 7) {
  const inputs = { data: await dataset(ROWS), ...more };
  const context = await runStep(chooseData, { options, inputs, seed });
  const { outputs } = context;
  const report = JSON.parse(await readFile(join(outputs.report as string, 'report.json'), 'utf8')) as ChoiceReport;
  const data = await readDataset(outputs.data as string);
  const rest = await readDataset(outputs.rest as string);
  return { ...context, report, data, chosen: data.rows.map(({ id }) => id), rest: rest.rows.map(({ id }) => id) };
}

/** A cache of what a model with these labels says of rows. */
async function cache(
  rows: readonly Row[],
  logits: (row: Row, i: number) => number[],
  labels = LABELS,
): Promise<InputGiven> {
  const path = await temporaryFolder();
  async function* all() {
    for (const [i, row] of rows.entries()) yield { id: row.id, logits: Float32Array.from(logits(row, i)) };
  }
  await writeClassLogits(path, { labels, teacher: { name: 'told', revision: '1' } }, all());
  return { kind: 'logits', path };
}

const METHODS = ['random', 'k-centre', 'cluster-quotas', 'stratified'];
const ids = ROWS.map(({ id }) => id);
const labelsOf = (chosen: readonly string[]) => chosen.map((id) => ROWS[ids.indexOf(id)]?.label);

describe('choose-data', () => {
  it.each(METHODS)('%s parts the rows, and takes first what a smaller choice takes', async (by) => {
    const { chosen, rest, data, report, tables } = await choose({ rows: 20, by });
    expect(chosen).toHaveLength(20);
    expect(new Set([...chosen, ...rest])).toEqual(new Set(ids));
    expect(rest).toEqual(ids.filter((id) => !chosen.includes(id)));
    expect(data.info.labels).toEqual(LABELS);
    expect(report).toMatchObject({ report: 'coverage', rows: { pool: 90, before: 0, chosen: 20 } });
    expect(report.labels.map(({ pool }) => pool)).toEqual([
      ...LABELS.map((label) => ROWS.filter((row) => row.label === label).length),
      9,
    ]);
    expect(report.labels.reduce((sum, { chosen: n }) => sum + n, 0)).toBe(20);
    expect(tables[0]?.title).toBe(`chosen by ${by}`);
    const fewer = await choose({ rows: 8, by });
    expect(fewer.chosen).toEqual(chosen.slice(0, 8));
  });

  it('gives the same bytes for the same seed, others for another', async () => {
    const folders = async (seed: number) => {
      const { outputs } = await choose({ rows: 15, by: 'cluster-quotas' }, {}, seed);
      return Promise.all(['data', 'rest', 'report'].map((name) => digests(outputs[name] as string)));
    };
    const first = await folders(7);
    expect(await folders(7)).toEqual(first);
    expect(await folders(8)).not.toEqual(first);
  });

  it('reports regions, holes and a map', async () => {
    const { report } = await choose({ rows: 3, by: 'k-centre' });
    const { clusters, holes, map, coverage } = report;
    expect(clusters).toHaveLength(18);
    expect(clusters.reduce((sum, { rows }) => sum + rows, 0)).toBe(90);
    expect(clusters.reduce((sum, { chosen }) => sum + chosen, 0)).toBe(3);
    const covered = clusters.reduce((sum, { rows, coverage: share }) => sum + rows * share, 0);
    expect(covered / 90).toBeCloseTo(coverage.chosen, 9);
    const shares = holes.map((hole) => clusters[hole]?.coverage as number);
    expect(shares).toEqual(
      clusters
        .map(({ coverage: share }) => share)
        .sort((a, b) => a - b)
        .slice(0, 5),
    );
    expect(clusters.some(({ words }) => words.includes('tomato'))).toBe(true);
    expect(map.points.map(({ id }) => id)).toEqual(ids);
    expect(map.points.filter(({ chosen }) => chosen)).toHaveLength(3);
    expect(map.explained[0]).toBeGreaterThanOrEqual(map.explained[1]);
    // k-centre sees to it that no topic is left out, however rare.
    expect(new Set(map.points.filter(({ chosen }) => chosen).map(({ cluster }) => cluster)).size).toBe(3);
  });

  it('keeps quotas', async () => {
    const shares = async (by: JsonObject) => (await choose({ rows: 12, by })).chosen;
    expect(labelsOf(await shares({ type: 'stratified', quota: 'equal' })).filter((l) => l === 'soil')).toHaveLength(3);
    const proportional = labelsOf(await shares({ type: 'stratified' }));
    for (const label of [...LABELS, null]) {
      const [few, all] = [proportional, labelsOf(ids)].map((of) => of.filter((own) => own === label).length) as [
        number,
        number,
      ];
      expect(Math.abs(few - (12 * all) / 90)).toBeLessThan(1);
    }
    const senders = (await shares({ type: 'stratified', field: 'sender' })).map(
      (id) => ROWS[ids.indexOf(id)]?.fields?.sender,
    );
    expect([0, 1, 2, 3].map((i) => senders.filter((sender) => sender === `sender${i}`).length)).toEqual([3, 3, 3, 3]);
    const lengths = (await choose({ rows: 10, by: { type: 'stratified', field: 'length', quota: 'equal' } })).data.rows;
    const sorted = ROWS.map(({ text }) => text.length).sort((a, b) => a - b);
    const tenths = lengths.map(({ text }) => Math.floor((10 * sorted.indexOf(text.length)) / ROWS.length));
    expect(new Set(tenths).size).toBe(10);
  });

  it('adds to what was chosen before', async () => {
    const first = await choose({ rows: 5, by: 'k-centre' });
    const whole = await choose({ rows: 12, by: 'k-centre' });
    for (const from of ['data', 'rest']) {
      const data = from === 'data' ? await dataset(ROWS) : { kind: 'dataset', path: first.outputs.rest as string };
      const chosen = { kind: 'dataset', path: first.outputs.data as string };
      const second = await choose({ rows: 7, by: 'k-centre' }, { data, chosen });
      expect(second.chosen.slice(0, 5)).toEqual(first.chosen);
      expect(new Set(second.chosen).size).toBe(12);
      expect(second.rest).toEqual(ids.filter((id) => !second.chosen.includes(id)));
      // As far as in one choice; which of rows that are as far is taken may differ.
      const { most } = whole.report.coverage.distance.chosen;
      expect(second.report.coverage.distance.chosen.most).toBeCloseTo(most, 5);
      expect(second.report.rows).toEqual({ pool: 90, before: 5, chosen: 7 });
    }
  });

  it('takes rows of which a model is unsure, and on which models disagree', async () => {
    const sure = (own: number[]) => (_: Row, i: number) => (own.includes(i) ? [0, 0.1 * own.indexOf(i), 0] : [9, 0, 0]);
    const logits = [await cache(ROWS, sure([40, 41, 42]))];
    for (const measure of ['margin', 'entropy']) {
      const { chosen } = await choose({ rows: 3, by: { type: 'uncertain', measure } }, { logits });
      expect(chosen).toEqual([ids[40], ids[41], ids[42]]);
    }
    // The second model has its labels in another order; they differ on two rows, on the second more.
    const other = (_: Row, i: number) => (i === 50 ? [3, 0, 0.5] : i === 60 ? [0, 9, 0] : [0, 0, 9]);
    const several = [await cache(ROWS, () => [9, 0, 0]), await cache(ROWS, other, ['soil', 'spam', 'ham'])];
    for (const measure of ['kl', 'vote-entropy']) {
      const { chosen } = await choose({ rows: 2, by: { type: 'disagreement', measure } }, { logits: several });
      expect(chosen).toEqual([ids[60], ids[50]]);
    }
    const strange = await cache(ROWS, () => [1, 2, 3], ['a', 'b', 'c']);
    await expect(
      choose({ rows: 2, by: 'disagreement' }, { logits: [several[0] as InputGiven, strange] }),
    ).rejects.toMatchObject({ reason: 'labels-differ' });
    await expect(
      choose({ rows: 2, by: 'uncertain' }, { logits: [await cache(ROWS.slice(1), () => [1, 2, 3])] }),
    ).rejects.toMatchObject({ reason: 'not-cached' });
  });

  it('says what is wrong', async () => {
    await expect(choose({ rows: 91 })).rejects.toMatchObject({ reason: 'too-few-rows', pointer: '/rows' });
    await expect(choose({ rows: 1 }, { data: await dataset([]) })).rejects.toMatchObject({ reason: 'empty-data' });
    await expect(choose({ rows: 9, by: { type: 'stratified', field: 'sendr' } })).rejects.toMatchObject({
      reason: 'no-field',
      pointer: '/by/field',
      hint: expect.stringContaining('There are "label", "length", "sender", "text".'),
    });
    const unlabelled = await dataset(ROWS.map((row) => ({ ...row, label: null })));
    await expect(choose({ rows: 9, by: 'stratified' }, { data: unlabelled })).rejects.toMatchObject({
      reason: 'unlabelled-data',
    });
    const others = await dataset([], ['no', 'yes']);
    await expect(choose({ rows: 9 }, { chosen: others })).rejects.toMatchObject({ reason: 'labels-differ' });
    const asked = await dataset(ROWS.slice(0, 3), LABELS, 'gpt-x');
    await expect(choose({ rows: 9 }, { chosen: asked })).rejects.toMatchObject({ reason: 'labels-differ' });
    await expect(choose({ rows: 9, by: 'uncertain' })).rejects.toMatchObject({ reason: 'logits', pointer: '/by' });
    const silent = await dataset([{ id: rowId(' '), text: ' ', label: null }]);
    await expect(choose({ rows: 1 }, { data: silent })).rejects.toMatchObject({ reason: 'no-words' });
  });

  it('refuses a method without its logits at its line, before anything runs', async () => {
    const text = (by: string, logits = ''): string => `version: 1
name: r
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl } }
  few:
    uses: choose-data
    with:
      data: \${{ steps.corpus.outputs.train }}
      rows: 3
      by: ${by}
${logits}  model:
    uses: train
    with: { data: "\${{ steps.few.outputs.data }}", model: { type: logistic } }
  said:
    uses: cache-logits
    with: { data: "\${{ steps.corpus.outputs.train }}", teacher: "\${{ steps.whole.outputs.model }}" }
  whole:
    uses: train
    with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } }
`;
    const bound = '      logits: ["${{ steps.said.outputs.logits }}"]\n';
    const told = async (recipe: string): Promise<string[]> => {
      const here = await temporaryFolder();
      const file = join(here, 'r.yaml');
      await writeFile(file, recipe);
      await writeFile(join(here, 'rows.jsonl'), '{"text":"a b"}\n');
      const planned = await loadPlan(file, { registry: loadRegistry(), set: {}, env: {} });
      return planned.ok ? [] : planned.diagnostics.map(({ line, column, message }) => `${line}:${column} ${message}`);
    };
    expect(await told(text('uncertain'))).toEqual(['12:11 "uncertain" reads the logits of one model, and is given 0']);
    expect(await told(text('k-centre', bound))).toEqual(['12:11 "k-centre" reads no logits']);
    expect(await told(text('disagreement', bound))).toEqual([
      '12:11 "disagreement" compares the logits of models, and is given 1',
    ]);
    expect(await told(text('uncertain', bound))).toEqual([]);
  });
});

describe('choose-data with an encoder', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let encoder: InputGiven;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(150, 30));
    const path = join(folder, 'encoder');
    const config = tinyConfig(corpus.tokenizer.vocabularySize, { type: 'bert', head: 'none', labels: 0 });
    await mkdir(path);
    await saveTransformer(path, { config, labels: [], parameters: randomParameters(config) }, corpus.tokenizerFolder, {
      rows: 0,
      labelled: 0,
    });
    encoder = { kind: 'model', path };
  });

  it('goes on with the vectors that an attempt that was stopped has made', async () => {
    const data = { kind: 'dataset', path: corpus.data };
    const options = withDefaults('choose-data', { rows: 10, backend: 'onnx' });
    const inputs = { data, encoder };
    const run = async (given: { root?: string; signal?: AbortSignal }) => {
      const context = await makeContext({ options, inputs, ...given });
      await (chooseData as StepDefinition<never>).run(context.ctx);
      return context;
    };
    const whole = await run({});
    const report = JSON.parse(await readFile(join(whole.outputs.report as string, 'report.json'), 'utf8'));
    expect(report.vectors).toEqual({ from: 'bert', width: 8 });

    const root = await temporaryFolder();
    const stop = new AbortController();
    const context = await makeContext({ options, inputs, root, signal: stop.signal });
    const progress = context.ctx.progress.bind(context.ctx);
    context.ctx.progress = async (told) => {
      await progress(told);
      if (told.phase === 'vectors') stop.abort();
    };
    await expect((chooseData as StepDefinition<never>).run(context.ctx)).rejects.toThrow();
    const again = await run({ root });
    const first = again.progress.find(({ phase }) => phase === 'vectors');
    expect(first?.done).toBeGreaterThan(64);
    for (const name of ['data', 'rest', 'report']) {
      expect(await digests(again.outputs[name] as string)).toEqual(await digests(whole.outputs[name] as string));
    }
  });
});
