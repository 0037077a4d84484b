import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, readDataset, writeDataset } from '../../data/dataset.js';
import { LogitsCache, writeClassLogits } from '../../data/logits.js';
import type { StepContext, Table } from '../../engine/step.js';
import type { EnsembleTeachersOptions } from '../../options/ensemble-teachers.js';
import { StepFailure } from '../../util/failure.js';
import { type Agreement, agreementOf, type Score, scoresOf } from './agreement.js';
import { best, combine, disagreement, logSoftmax, type Opinion } from './combine.js';
import { weighing } from './weights.js';

type Context = StepContext<EnsembleTeachersOptions>;

/** One teacher, and how its labels become those of the data. */
interface Teacher {
  readonly name: string;
  readonly cache: LogitsCache;
  /** Of each label of the data its place among the teacher's. */
  readonly order: readonly number[];
}

/** The `ensemble-teachers` step. */
export async function run(ctx: Context): Promise<void> {
  const { options } = ctx;
  const { info, rows } = await readDataset(ctx.input('data').path);
  const teachers = await openTeachers(ctx, info.labels);
  try {
    const validation = ctx.optionalInput('validation');
    const judged = validation === undefined ? rows : (await readDataset(validation.path)).rows;
    const names = teachers.map(({ name }) => name);
    const scores = scoresOf(names, choicesOf(teachers, judged), truthOf(judged, info.labels), info.labels);
    const weigh = weighing(options.weights, scoreWeights(options, scores, info.labels.length));
    const choose = routing(options, teachers.length);

    const kept: { readonly row: Row; readonly logits: Float32Array }[] = [];
    const counts = { unanswered: 0, divided: 0 };
    const weights = new Float64Array(teachers.length);
    for (const row of rows) {
      const present = teachers.flatMap(({ cache }, i) => (cache.has(row.id) ? [i] : []));
      const opinions = present.map((i) => opinionOf(teachers[i] as Teacher, row));
      if (present.length === 0) {
        counts.unanswered++;
        continue;
      }
      if (disagreement(opinions) > options.max_disagreement) {
        counts.divided++;
        continue;
      }
      const own = choose?.(row, present) ?? weigh(opinions, present);
      present.forEach((teacher, i) => {
        weights[teacher] = (weights[teacher] as number) + (own[i] as number);
      });
      kept.push({ row, logits: Float32Array.from(combine(options.combine, opinions, own)) });
    }
    if (kept.length === 0) {
      throw new StepFailure(
        'no-rows',
        'no row is left: the teachers have answered none of these, or disagree on all',
        'Raise max_disagreement, or give the teachers the same data.',
      );
    }
    await write(ctx, info, kept, teachers);
    const choices = choicesOf(teachers, rows);
    const agreements = names.flatMap((name, i) =>
      names
        .slice(i + 1)
        .map((other, j) =>
          agreementOf([name, other], choices[i] as Int32Array, choices[i + 1 + j] as Int32Array, info.labels),
        ),
    );
    const together = Int32Array.from(kept, ({ logits }) => best(logits));
    const [ensemble] = scoresOf(
      ['ensemble'],
      [together],
      truthOf(
        kept.map(({ row }) => row),
        info.labels,
      ),
      info.labels,
    );
    const report = {
      rows: rows.length,
      kept: kept.length,
      left_out: { without_an_answer: counts.unanswered, too_divided: counts.divided },
      scores: [...scores, ensemble as Score],
      mean_weight: Object.fromEntries(names.map((name, i) => [name, (weights[i] as number) / kept.length])),
      agreement: agreements,
    };
    await writeFile(join(await ctx.output('report'), 'agreement.json'), `${JSON.stringify(report, null, 2)}\n`);
    ctx.show(tableOf(report, names));
  } finally {
    for (const { cache } of teachers) cache.close();
  }
}

async function openTeachers(ctx: Context, labels: readonly string[]): Promise<Teacher[]> {
  const given = ctx.inputList('teachers');
  if (given.length < 2)
    throw new StepFailure('one-teacher', 'an ensemble needs two teachers at least', 'Add one to "teachers".');
  const { weights } = ctx.options;
  if (Array.isArray(weights) && weights.length !== given.length) {
    throw new StepFailure('weights', `"weights" has ${weights.length} numbers for ${given.length} teachers`);
  }
  if (Array.isArray(weights) && weights.every((weight) => weight === 0)) {
    throw new StepFailure('weights', 'all "weights" are 0', 'Give one teacher a weight at least.');
  }
  const teachers: Teacher[] = [];
  try {
    for (const { path, from } of given) {
      const cache = await LogitsCache.open(path);
      teachers.push({ name: from, cache, order: orderOf(from, cache.index.labels, labels) });
    }
  } catch (error) {
    for (const { cache } of teachers) cache.close();
    throw error;
  }
  return teachers;
}

function orderOf(name: string, has: readonly string[], wanted: readonly string[]): number[] {
  const order = wanted.map((label) => has.indexOf(label));
  const unknown = wanted.filter((_, k) => (order[k] as number) < 0);
  const extra = has.filter((label) => !wanted.includes(label));
  if (unknown.length + extra.length === 0) return order;
  const quoted = (labels: readonly string[]): string => labels.map((label) => JSON.stringify(label)).join(', ');
  const what = [
    ...(unknown.length > 0 ? [`does not know ${quoted(unknown)}`] : []),
    ...(extra.length > 0 ? [`knows ${quoted(extra)}, which the data does not have`] : []),
  ];
  throw new StepFailure(
    'labels',
    `the teacher "${name}" ${what.join(' and ')}`,
    'All teachers need the labels of the data, in any order.',
  );
}

function opinionOf({ cache, order }: Teacher, { id }: Row): Opinion {
  const own = cache.classLogits(id);
  const logits = Float32Array.from(order, (k) => own[k] as number);
  return { logits, logProbabilities: logSoftmax(logits) };
}

const choicesOf = (teachers: readonly Teacher[], rows: readonly Row[]): Int32Array[] =>
  teachers.map((teacher) =>
    Int32Array.from(rows, (row) => (teacher.cache.has(row.id) ? best(opinionOf(teacher, row).logits) : -1)),
  );

const truthOf = (rows: readonly Row[], labels: readonly string[]): Int32Array =>
  Int32Array.from(rows, ({ label }) => (label === null ? -1 : labels.indexOf(label)));

/** What a score is worth: how far it is above chance. */
function scoreWeights(
  { weights }: EnsembleTeachersOptions,
  scores: readonly Score[],
  labels: number,
): number[] | undefined {
  if (weights !== 'accuracy' && weights !== 'macro_f1') return undefined;
  return scores.map(({ teacher, [weights]: score }) => {
    if (score !== null) return Math.max(0, score - 1 / labels);
    throw new StepFailure(
      'no-labels',
      `weights: ${weights} needs rows whose label is known, and "${teacher}" has answered none`,
      'Give labelled rows that all teachers have answered as "validation", or other weights.',
    );
  });
}

/** The weights of a row by the teacher that `route` names; undefined where the recipe routes otherwise. */
function routing({ combine: how, route }: EnsembleTeachersOptions, teachers: number) {
  if (route === undefined) return undefined;
  if (how !== 'route')
    throw new StepFailure('not-used', '"route" is given, and combine is not route', 'Write combine: route.');
  const named = [...Object.values(route.teachers), route.otherwise];
  const strange = named.find((place) => place > teachers);
  if (strange !== undefined) throw new StepFailure('route', `"route" names teacher ${strange} of ${teachers}`);
  return (row: Row, present: readonly number[]): number[] => {
    const value = row.fields?.[route.field];
    if (value === undefined) {
      throw new StepFailure(
        'no-field',
        `row ${row.id} has no field "${route.field}" to route by`,
        'Let sample-data keep it: option "fields" of its source.',
      );
    }
    const place = (Object.hasOwn(route.teachers, value) ? route.teachers[value] : route.otherwise) as number;
    // A teacher that has not answered the row leaves it to the others.
    return present.includes(place - 1)
      ? present.map((i) => (i === place - 1 ? 1 : 0))
      : present.map(() => 1 / present.length);
  };
}

async function write(
  ctx: Context,
  { labels, labelled_by }: DatasetInfo,
  kept: readonly { readonly row: Row; readonly logits: Float32Array }[],
  teachers: readonly Teacher[],
): Promise<void> {
  const revision = teachers.map(({ cache }) => cache.index.teacher.revision).join(' + ');
  const name = `ensemble of ${teachers.map((teacher) => teacher.name).join(', ')}`;
  async function* logits() {
    for (const { row, logits } of kept) yield { id: row.id, logits };
  }
  await writeClassLogits(await ctx.output('logits'), { labels, teacher: { name, revision } }, logits());
  await writeDataset(
    await ctx.output('data'),
    labels,
    kept.map(({ row }) => row),
    labelled_by,
  );
}

function tableOf(
  report: {
    readonly rows: number;
    readonly kept: number;
    readonly left_out: { readonly without_an_answer: number; readonly too_divided: number };
    readonly scores: readonly Score[];
    readonly mean_weight: Readonly<Record<string, number>>;
    readonly agreement: readonly Agreement[];
  },
  names: readonly string[],
): Table {
  const share = (value: number | null): string => (value === null ? '–' : value.toFixed(4));
  const kappa = (a: string, b: string): string => {
    if (a === b || !names.includes(a)) return '';
    const found = report.agreement.find(({ teachers }) => teachers.includes(a) && teachers.includes(b));
    return found === undefined ? '' : found.kappa.toFixed(3);
  };
  const right = { align: 'right' as const };
  const { without_an_answer, too_divided } = report.left_out;
  return {
    title: 'Teachers together',
    columns: [
      { label: 'teacher', align: 'left' },
      { label: 'answered', ...right },
      { label: 'accuracy', ...right },
      { label: 'macro-F1', ...right },
      { label: 'alone right', ...right },
      { label: 'alone wrong', ...right },
      { label: 'weight', ...right },
      ...names.map((name) => ({ label: `κ ${name}`, ...right })),
    ],
    rows: report.scores.map(({ teacher, answered, accuracy, macro_f1, only_right, only_wrong }) => {
      const single = names.includes(teacher);
      const weight = report.mean_weight[teacher];
      return [
        teacher,
        String(answered),
        share(accuracy),
        share(macro_f1),
        single ? String(only_right) : '',
        single ? String(only_wrong) : '',
        weight === undefined ? '' : weight.toFixed(3),
        ...names.map((name) => kappa(teacher, name)),
      ];
    }),
    notes: [
      `${report.kept} of ${report.rows} rows${without_an_answer > 0 ? `; ${without_an_answer} without an answer` : ''}${too_divided > 0 ? `; ${too_divided} on which they are too divided` : ''}.`,
      'κ is Cohen’s kappa: 1 is full agreement, 0 what chance gives. Accuracy is of rows whose label is known.',
    ],
  };
}
