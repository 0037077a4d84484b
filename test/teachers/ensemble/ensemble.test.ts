import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Row, rowId, writeDataset } from '../../../src/data/dataset.js';
import { LogitsCache, writeClassLogits } from '../../../src/data/logits.js';
import { ensembleTeachers } from '../../../src/steps/ensemble-teachers.js';
import { agreementOf } from '../../../src/teachers/ensemble/agreement.js';
import { combine, disagreement, logSoftmax, type Opinion } from '../../../src/teachers/ensemble/combine.js';
import type { JsonObject } from '../../../src/util/json.js';
import { runStep, temporaryFolder } from '../../steps/context.js';

const opinion = (...logits: number[]): Opinion => ({
  logits: Float32Array.from(logits),
  logProbabilities: logSoftmax(logits),
});
const sure = (p: number): Opinion => opinion(Math.log(p), Math.log(1 - p));
const probabilities = (logProbabilities: ArrayLike<number>): number[] =>
  Array.from(logProbabilities, (x) => Number(Math.exp(x).toFixed(4)));

describe('combine', () => {
  it('takes means of probabilities and of logits, which differ', () => {
    const [a, b] = [opinion(4, 0), opinion(0, 1)];
    const [p, q] = [1 / (1 + Math.exp(-4)), 1 / (1 + Math.exp(1))];
    expect(probabilities(combine('probabilities', [a, b], [0.5, 0.5]))[0]).toBeCloseTo((p + q) / 2, 4);
    expect(probabilities(combine('logits', [a, b], [0.5, 0.5]))[0]).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 4);
    expect(probabilities(combine('probabilities', [a, b], [1, 0]))[0]).toBeCloseTo(p, 4);
  });

  it('counts votes, and leaves every label possible', () => {
    const opinions = [sure(0.9), sure(0.6), sure(0.2)];
    const third = 1 / 3;
    expect(probabilities(combine('vote', opinions, [third, third, third]))).toEqual([0.625, 0.375]);
    expect(probabilities(combine('vote', opinions, [0.2, 0.2, 0.6]))[0]).toBeCloseTo((1.2 + 0.5) / 4, 4);
  });

  it('routes to the largest weight', () => {
    expect(probabilities(combine('route', [sure(0.9), sure(0.2)], [0.4, 0.6]))).toEqual([0.2, 0.8]);
  });

  it('measures how far teachers are apart', () => {
    expect(disagreement([sure(0.7), sure(0.7)])).toBeCloseTo(0, 10);
    expect(disagreement([sure(1 - 1e-9), sure(1e-9)])).toBeCloseTo(1, 5);
    expect(disagreement([sure(0.9), sure(0.4)])).toBeGreaterThan(disagreement([sure(0.9), sure(0.6)]));
  });
});

describe('agreementOf', () => {
  it('is Cohen’s kappa, as scikit-learn has it', () => {
    // cohen_kappa_score([0, 0, 0, 1, 1, 2, 2, 2, 0, 1], [0, 0, 1, 1, 1, 2, 2, 0, 0, 2]): 0.7 observed, 0.34 by chance
    const a = Int32Array.of(0, 0, 0, 1, 1, 2, 2, 2, 0, 1, -1);
    const b = Int32Array.of(0, 0, 1, 1, 1, 2, 2, 0, 0, 2, 1);
    const found = agreementOf(['a', 'b'], a, b, ['x', 'y', 'z']);
    expect(found).toMatchObject({ rows: 10, same: 7 });
    expect(found.kappa).toBeCloseTo((0.7 - 0.34) / (1 - 0.34), 10);
    expect(found.per_label.x).toBeCloseTo(6 / 8, 10);
  });
});

const LABELS = ['ham', 'spam'];
const texts = Array.from({ length: 12 }, (_, i) => `text ${i}`);
const rows: Row[] = texts.map((text, i) => {
  const fields = { language: i % 2 === 0 ? 'en' : 'de' };
  return { id: rowId(text, fields), text, label: i < 10 ? (LABELS[i % 2] as string) : null, fields };
});

async function teacher(from: string, spam: (i: number) => number | undefined, labels: readonly string[] = LABELS) {
  const path = await temporaryFolder();
  async function* logits() {
    for (const [i, { id }] of rows.entries()) {
      const p = spam(i);
      if (p === undefined) continue;
      const of: Record<string, number> = { spam: Math.log(p), ham: Math.log(1 - p) };
      yield { id, logits: Float32Array.from(labels, (label) => of[label] ?? 0) };
    }
  }
  await writeClassLogits(path, { labels, teacher: { name: from, revision: from } }, logits());
  return { kind: 'logits', path, from };
}

async function run(options: JsonObject, teachers: Awaited<ReturnType<typeof teacher>>[]) {
  const data = await temporaryFolder();
  await writeDataset(data, LABELS, rows);
  const done = await runStep(ensembleTeachers, {
    options,
    inputs: { data: { kind: 'dataset', path: data }, teachers },
  });
  const cache = await LogitsCache.open(done.outputs.logits as string);
  const spam = rows.map(({ id }) => (cache.has(id) ? Math.exp(cache.classLogits(id)[1] as number) : undefined));
  cache.close();
  const report = JSON.parse(await readFile(join(done.outputs.report as string, 'agreement.json'), 'utf8'));
  return { ...done, spam, report };
}

/** Right of all, right of even rows only. */
const good = (i: number): number => (i % 2 === 1 ? 0.9 : 0.1);
const biased = (): number => 0.3;

describe('ensemble-teachers', () => {
  it('puts labels into the order of the data, and leaves rows to those that answered them', async () => {
    const { spam, report } = await run({}, [
      await teacher('a', (i) => (i === 3 ? undefined : good(i))),
      await teacher('b', (i) => (i === 3 || i === 4 ? undefined : 0.5), ['spam', 'ham']),
    ]);
    expect(spam[1]).toBeCloseTo(0.7, 5);
    expect(spam[3]).toBeUndefined();
    expect(spam[4]).toBeCloseTo(0.1, 5);
    expect(report).toMatchObject({ rows: 12, kept: 11, left_out: { without_an_answer: 1, too_divided: 0 } });
  });

  it('weighs by score above chance, and by certainty', async () => {
    const teachers = [await teacher('good', good), await teacher('biased', biased)];
    const byScore = await run({ weights: 'accuracy' }, teachers);
    expect(byScore.report.scores.map(({ accuracy }: { accuracy: number }) => accuracy)).toEqual([1, 0.5, 1]);
    expect(byScore.spam[1]).toBeCloseTo(0.9, 5);
    const certain = await run({ weights: 'max_probability' }, teachers);
    expect(certain.spam[1]).toBeCloseTo((0.9 * 0.9 + 0.7 * 0.3) / 1.6, 4);
    const fixed = await run({ weights: [1, 3] }, teachers);
    expect(fixed.spam[1]).toBeCloseTo(0.25 * 0.9 + 0.75 * 0.3, 4);
    expect(fixed.report.scores[0]).toMatchObject({ only_right: 5, only_wrong: 0, labelled: 10 });
  });

  it('routes by a field or by certainty, and drops what divides them', async () => {
    const teachers = [await teacher('a', () => 0.8), await teacher('b', () => 0.1)];
    const byField = await run({ combine: 'route', route: { field: 'language', teachers: { de: 2 } } }, teachers);
    expect(byField.spam.map((p) => p?.toFixed(1)).slice(0, 3)).toEqual(['0.8', '0.1', '0.8']);
    const byCertainty = await run({ combine: 'route', weights: 'entropy' }, teachers);
    expect(byCertainty.spam[0]).toBeCloseTo(0.1, 5);
    const [one, two] = [
      await teacher('a', (i) => (i < 4 ? 0.99 : 0.6)),
      await teacher('b', (i) => (i < 4 ? 0.02 : 0.5)),
    ];
    const divided = await run({ max_disagreement: 0.3 }, [one, two]);
    expect(divided.report.left_out.too_divided).toBe(4);
    expect(divided.spam.slice(0, 5).map((p) => p === undefined)).toEqual([true, true, true, true, false]);
  });

  it.each([
    [{ weights: [1] }, 'must have at least 2'],
    [{ weights: [1, 1, 1] }, '"weights" has 3 numbers for 2 teachers'],
    [{ weights: [0, 0] }, 'all "weights" are 0'],
    [{ route: { field: 'language', teachers: { de: 2 } } }, '"route" is given, and combine is not route'],
    [{ combine: 'route', route: { field: 'language', teachers: { de: 3 } } }, 'names teacher 3 of 2'],
    [{ combine: 'route', route: { field: 'tongue', teachers: { de: 2 } } }, 'has no field "tongue"'],
  ])('refuses %j', async (options, message) => {
    const teachers = [await teacher('a', good), await teacher('b', good)];
    await expect(run(options as JsonObject, teachers)).rejects.toThrow(message);
  });

  it('refuses other labels, one teacher, and nothing in common', async () => {
    const a = await teacher('a', good);
    await expect(run({}, [a])).rejects.toThrow('needs two teachers');
    const strange = await teacher('b', good, ['spam', 'eggs']);
    await expect(run({}, [a, strange])).rejects.toThrow(
      'the teacher "b" does not know "ham" and knows "eggs", which the data does not have',
    );
    const none = await teacher('b', () => undefined);
    await expect(run({ weights: 'accuracy' }, [a, none])).rejects.toThrow('"b" has answered none');
    await expect(run({}, [none, none])).rejects.toThrow('no row is left');
  });
});
