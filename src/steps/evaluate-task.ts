import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, readDataset, refuseCopies } from '../data/dataset.js';
import { type InputArtifact, type StepContext, StepFailure } from '../engine/step.js';
import { answersOf, type JudgedExam } from '../exams/exam.js';
import { type JudgedTask, judgedExams } from '../exams/index.js';
import { isTransformer } from '../models/index.js';
import type { EvaluateOptions } from '../options/evaluate.js';
import type { Cost } from '../report/cost.js';
import { inReadingOrder, type Role } from '../report/evaluate.js';
import { rowStatistic } from '../report/row-answers.js';
import { type Judged, taskReport } from '../report/task-report.js';
import { taskSliceTable, taskTable } from '../report/task-table.js';
import type { Json } from '../util/json.js';
import { costOf, judgeCosts, showCosts } from './cost.js';
import { refuseMissed } from './refuse-missed.js';
import { checkSlices } from './slices.js';
import { trainedOn } from './trained-on.js';

type Context = StepContext<EvaluateOptions>;
/** A model with all its answers. */
interface Sat<Answer> extends Omit<Judged, 'judgement' | 'agreement' | 'mistake'> {
  readonly answers: readonly Answer[];
  readonly labels: readonly string[];
  readonly cost: Cost;
}

/** `evaluate` of a task other than classification. */
export async function evaluateTask(ctx: Context, task: JudgedTask): Promise<void> {
  for (const name of ['answers', 'usage']) {
    if (ctx.optionalInput(name) === undefined) continue;
    throw new StepFailure(
      'not-used',
      `task "${task}" takes no input "${name}": it is for classification`,
      'Leave it out.',
    );
  }
  await examine(ctx, task, judgedExams[task]);
}

async function examine<Answer>(ctx: Context, task: JudgedTask, exam: JudgedExam<Answer>): Promise<void> {
  const { title, slices = [], expect = {} } = ctx.options;
  const teacher = ctx.optionalInput('teacher');
  const baseline = ctx.optionalInput('baseline');
  const { rows: all } = await readDataset(ctx.input('data').path);
  refuseCopies(all, 'data');
  const rows = all.filter(exam.isKnown);
  if (rows.length < 2) {
    throw new StepFailure(
      'unlabelled-data',
      `${rows.length} of the ${all.length} rows to evaluate on ${rows.length === 1 ? 'has' : 'have'} ${exam.needs}, and two are the least that says something`,
      'Bind "data" to rows whose answers are known, such as the test split.',
    );
  }
  checkSlices(slices, rows);
  const bound: [Role, InputArtifact][] = [
    ...(teacher ? [['teacher', teacher] as [Role, InputArtifact]] : []),
    ...ctx.inputList('students').map((student): [Role, InputArtifact] => ['student', student]),
    ...(baseline ? [['baseline', baseline] as [Role, InputArtifact]] : []),
  ];
  const results: Sat<Answer>[] = [];
  for (const [role, artifact] of bound) results.push(await sit(ctx, exam, role, artifact, rows));
  checkLabels(results);

  const models = inReadingOrder(results);
  const above = models.find(({ role }) => role === 'teacher');
  const judged = models.map((model): Judged => {
    const { answers, labels, cost: _, ...about } = model;
    return {
      ...about,
      judgement: exam.judge(rows, answers, labels),
      agreement: above && above !== model ? agreementOf(exam, rows, model, above) : undefined,
      mistake: mistakesOf(exam, rows, model, above),
    };
  });
  const [{ labels }] = models as [Sat<Answer>];
  const report = taskReport({
    title,
    task,
    labels,
    rows,
    unlabelled: all.length - rows.length,
    main: exam.main(labels),
    models: judged,
    slices,
    expect,
    seed: ctx.seed,
  });
  const folder = await ctx.output('report');
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, 'predictions.jsonl'), linesOf(exam, rows, models));
  const expectations = [...report.expectations, ...judgeCosts(ctx, models)];
  const timings = models.map(({ cost }) => cost.timing);
  ctx.show(taskTable(report, timings, expectations));
  for (const field of report.slices) ctx.show(taskSliceTable(report, field));
  showCosts(ctx, models);
  refuseMissed(expectations, report.models);
}

/** Loads one model, lets it answer every row, times it and lets it go. */
async function sit<Answer>(
  ctx: Context,
  exam: JudgedExam<Answer>,
  role: Role,
  artifact: InputArtifact,
  rows: readonly Row[],
): Promise<Sat<Answer>> {
  const { from, path } = artifact;
  if (!(await isTransformer(path))) {
    const message = `the model of "${from}" is no transformer, and tells only which one of some labels a text has`;
    throw new StepFailure('task', message, 'Leave it out, or set task: classification.');
  }
  const model = await exam.load(path, ctx.options.backend, ctx.threads);
  try {
    const { type, labels, parameters, bytes } = model;
    exam.check(rows, labels, 'data');
    const answers = await answersOf(model, rows, async (done) => {
      await ctx.progress({ done, total: rows.length, unit: 'rows', phase: from });
      ctx.signal.throwIfAborted();
    });
    const cost = await costOf(ctx, artifact, rows, (some) => model.answer(some));
    return { name: from, role, type, parameters, bytes, trainedOn: await trainedOn(path), answers, labels, cost };
  } finally {
    await model.close();
  }
}

/** @throws StepFailure `labels-differ` if two models do not know the same; the order does not matter */
function checkLabels([first, ...others]: readonly {
  readonly name: string;
  readonly labels: readonly string[];
}[]): void {
  const known = (labels: readonly string[] = []): string => [...labels].sort().join(', ');
  const other = others.find(({ labels }) => known(labels) !== known(first?.labels));
  if (other === undefined) return;
  throw new StepFailure(
    'labels-differ',
    `the model of "${other.name}" knows ${known(other.labels)}, and that of "${first?.name}" ${known(first?.labels)}`,
    'Compare models that were trained on rows of one corpus.',
  );
}

/** How far a model says what its teacher says: the figure that models are compared by, as if the teacher were right. */
function agreementOf<Answer>(
  exam: JudgedExam<Answer>,
  rows: readonly Row[],
  model: Sat<Answer>,
  teacher: Sat<Answer>,
): Judged['agreement'] {
  const said = ({ answers, labels }: Sat<Answer>): Json[] =>
    rows.map((row, i) => exam.said(row, answers[i] as Answer, labels));
  const truth = said(teacher).map((answer) => exam.asTruth?.(answer) ?? answer);
  return rowStatistic(exam.main(model.labels), { truth, answers: [said(model)] }, 0, model.labels);
}

/** What a person reads of a row that a model gets wrong. */
function mistakesOf<Answer>(
  exam: JudgedExam<Answer>,
  rows: readonly Row[],
  model: Sat<Answer>,
  teacher: Sat<Answer> | undefined,
): Judged['mistake'] {
  return (i) => {
    const row = rows[i] as Row;
    const said = ({ answers, labels }: Sat<Answer>): Json => exam.said(row, answers[i] as Answer, labels);
    const [answer, above] = [said(model), teacher && teacher !== model ? said(teacher) : null];
    return exam.mistake?.(row, answer, above) ?? { truth: exam.truth(row, model.labels), answer, teacher: above };
  };
}

/** Lines of `predictions.jsonl`: a row's id, what is right, and what each model said. */
function* linesOf<Answer>(
  exam: JudgedExam<Answer>,
  rows: readonly Row[],
  models: readonly Sat<Answer>[],
): Generator<string> {
  for (const [i, row] of rows.entries()) {
    const predictions = models.map(
      ({ name, answers, labels }): Json => ({
        model: name,
        answer: exam.said(row, answers[i] as Answer, labels),
      }),
    );
    yield `${JSON.stringify({ id: row.id, truth: exam.truth(row, (models[0] as Sat<Answer>).labels), predictions })}\n`;
  }
}
