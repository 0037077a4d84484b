import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, readDataset, refuseCopies } from '../data/dataset.js';
import {
  defineStep,
  type InputArtifact,
  list,
  named,
  one,
  optional,
  type StepContext,
  StepFailure,
} from '../engine/step.js';
import type { EvaluateResponsesOptions } from '../options/evaluate-responses.js';
import { type Timing, timingOf } from '../report/cost.js';
import { responseLines } from '../report/response-answers.js';
import {
  firstLine,
  type ResponsesEvaluation,
  responsesReport,
  sampleLines,
  type Written,
} from '../report/responses.js';
import { responsesSliceTable, responsesTable, type Speed } from '../report/responses-table.js';
import { checkSlices } from './slices.js';

type Context = StepContext<EvaluateResponsesOptions>;
type Result = Written & { readonly speed: (Speed & Timing) | undefined };
type Answerable = Row & { readonly responses: readonly string[] };

/** Rows in `samples.jsonl`. */
const SAMPLES = 50;

export const evaluateResponses = defineStep<EvaluateResponsesOptions>({
  name: 'evaluate-responses',
  version: 2,
  summary: 'Lets language models answer rows and compares what they write with the rows’ responses',
  inputs: {
    data: one('dataset'),
    students: named(list('model')),
    teacher_data: named(optional('dataset')),
  },
  outputs: { report: 'report', timing: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],

  async run(ctx) {
    const { title, slices = [] } = ctx.options;
    const { rows, without } = await readRows(ctx.input('data').path);
    checkSlices(slices, rows);
    const results: Result[] = [];
    const teacher = ctx.optionalInput('teacher_data');
    if (teacher) results.push(await storedResponses(teacher, rows));
    for (const student of ctx.inputList('students')) results.push(await writtenBy(ctx, student, rows));
    for (const { field } of ctx.options.baselines) results.push(firstLines(field, rows));

    const evaluation: ResponsesEvaluation = {
      title,
      rows: rows.map(({ responses, ...row }) => ({ ...row, references: responses })),
      without,
      writers: results,
      slices,
      seed: ctx.seed,
    };
    const report = responsesReport(evaluation);
    const folder = await ctx.output('report');
    await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(join(folder, 'samples.jsonl'), sampleLines(evaluation, SAMPLES));
    await writeFile(join(folder, 'predictions.jsonl'), responseLines(evaluation));
    ctx.measure('timing', {
      threads: ctx.threads,
      models: results.map(({ name, role, speed }) => ({ name, role, ...speed })),
    });
    ctx.show(
      responsesTable(
        report,
        results.map(({ speed }) => speed),
        [`A model writes ${ctx.options.max_tokens} tokens at most.`],
      ),
    );
    for (const field of report.slices) ctx.show(responsesSliceTable(report, field));
  },
});

/** The rows that have a response. */
async function readRows(folder: string): Promise<{ readonly rows: Answerable[]; readonly without: number }> {
  const { rows } = await readDataset(folder);
  refuseCopies(rows, 'data');
  const answerable = rows.flatMap((row): Answerable[] => {
    const { responses = [] } = row;
    return responses.length > 0 ? [{ ...row, responses }] : [];
  });
  if (answerable.length < 2) {
    throw new StepFailure(
      'no-references',
      `${answerable.length === 0 ? 'none' : 'only one'} of the ${rows.length} rows to evaluate on has a response to compare with`,
      'Name the field that holds it in the option "response" of sample-data\'s source.',
    );
  }
  return { rows: answerable, without: rows.length - answerable.length };
}

/** Lets one model answer every row, and asks it how likely it finds the references. */
async function writtenBy(ctx: Context, { from, path }: InputArtifact, rows: readonly Answerable[]): Promise<Result> {
  const { loadWriter } = await import('../models/writer.js');
  const writer = await loadWriter(path, ctx.options.backend, ctx.threads);
  const { type, parameters, bytes } = writer;
  try {
    const responses: string[] = [];
    const times: number[] = [];
    let tokens = 0;
    const began = ctx.now();
    for (const row of rows) {
      const started = ctx.now();
      const written = await writer.write(row, ctx.options.max_tokens);
      times.push(ctx.now() - started);
      responses.push(written.text);
      tokens += written.tokens;
      await ctx.progress({ done: responses.length, total: rows.length, unit: 'rows', phase: from });
      ctx.signal.throwIfAborted();
    }
    const seconds = (ctx.now() - began) / 1000;
    const references = rows.flatMap((row) => row.responses.map((response) => ({ row, response })));
    const surprises = await writer.surprises(references, async (done) => {
      const phase = `${from}, references`;
      await ctx.progress({ done, total: references.length, unit: 'references', phase });
      ctx.signal.throwIfAborted();
    });
    const left = references.length - surprises.length;
    if (left > 0) ctx.log('warning', `${from} cannot read ${left} references, they are too long: not in its loss`);
    const sum = (of: (each: (typeof surprises)[number]) => number) =>
      surprises.reduce((all, each) => all + of(each), 0);
    const loss = surprises.length === 0 ? null : sum((each) => each.loss) / sum((each) => each.tokens);
    if (loss !== null && !Number.isFinite(loss)) {
      const hint = 'Its training has probably diverged: lower the learning rate.';
      throw new StepFailure('not-a-number', `the model of "${from}" finds the references ${loss} unlikely`, hint);
    }
    return {
      name: from,
      role: 'student',
      type,
      parameters,
      bytes,
      trainedOn: await trainedOn(path),
      loss,
      responses,
      speed: { tokens, seconds, ...timingOf(Float64Array.from(times)) },
    };
  } finally {
    await writer.close();
  }
}

/** What is no model here: stored responses, or something simple. */
const stored = (name: string, role: 'teacher' | 'baseline', responses: Written['responses']): Result => ({
  name,
  role,
  type: null,
  parameters: null,
  bytes: null,
  trainedOn: null,
  loss: null,
  responses,
  speed: undefined,
});

async function storedResponses({ from, path }: InputArtifact, rows: readonly Answerable[]): Promise<Result> {
  const said = new Map((await readDataset(path)).rows.map(({ id, responses }) => [id, responses?.[0] ?? null]));
  if (!rows.some(({ id }) => said.get(id))) {
    throw new StepFailure(
      'no-responses',
      `the input "teacher_data", of "${from}", has no response to any row of "data"`,
      'Let query-teacher answer the rows that are evaluated on.',
    );
  }
  return stored(
    from,
    'teacher',
    rows.map(({ id }) => said.get(id) ?? null),
  );
}

function firstLines(field: string, rows: readonly Answerable[]): Result {
  const texts = rows.map(({ id, text, fields = {} }): string => {
    const value = field === 'text' ? text : fields[field];
    if (value !== undefined) return value;
    const names = Object.keys(fields).map((name) => `"${name}"`);
    throw new StepFailure(
      'no-field',
      `the baseline "first-line" copies the field "${field}", which row ${id} does not have`,
      `It has ${['"text"', ...names].join(', ')}.`,
    );
  });
  return stored(field === 'text' ? 'first line' : `first line of ${field}`, 'baseline', texts.map(firstLine));
}

/** Rows that the model's folder says it learnt from. */
async function trainedOn(folder: string): Promise<number | null> {
  const recipe = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { trained_on?: { rows: number } };
  return recipe.trained_on?.rows ?? null;
}
