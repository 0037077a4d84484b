import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRunner } from '../backend/runner.js';
import { loadTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import type { TransformerConfig } from '../models/architecture.js';
import { describeTransformer } from '../models/checkpoint.js';
import { isTransformer } from '../models/index.js';
import type { DesignStudentOptions } from '../options/design-student.js';
import { StepFailure } from '../util/failure.js';
import { type LeftOut, shapesWithin } from './candidates.js';
import { flopsOf, type Load } from './latency.js';
import { picked } from './pick.js';
import { widestWithin } from './search.js';
import {
  bytesOf,
  configOf,
  countOf,
  type Frame,
  modelOf,
  nameOf,
  type Shape,
  type StudentType,
  specsOf,
} from './shape.js';
import { Stopwatch } from './stopwatch.js';
import { type Measured, tableOf } from './table.js';

type Context = StepContext<DesignStudentOptions>;

/** The `design-student` step. */
export async function run(ctx: Context): Promise<void> {
  const { options } = ctx;
  const { path, from } = ctx.input('teacher');
  if (!(await isTransformer(path))) {
    throw new StepFailure(
      'no-layers',
      `the teacher, the model of "${from}", has no layers that a student could be designed after`,
      "Give a transformer, or write the student's model into the train step.",
    );
  }
  const { config: teacher } = await describeTransformer(path);
  const frame = await frameOf(ctx, teacher);
  const load: Load = { batch: options.batch, length: options.length ?? frame.maxLength };
  if (load.length > frame.maxLength) {
    const message = `length is ${load.length}, but the student reads ${frame.maxLength} tokens of a text`;
    throw new StepFailure('max-length', message, `Give max_length: ${load.length}, or less length.`, '/length');
  }
  const { groups, leftOut } = shapesWithin(options, frame, teacher);
  const runner = await createRunner(options.backend, ctx.threads);
  try {
    const stopwatch = await Stopwatch.create(ctx, runner, frame, load);
    const proposals: Measured[] = [];
    const tooSlow: LeftOut[] = [];
    for (const [i, shapes] of groups.entries()) {
      const progress = (name: string) =>
        ctx.progress({ done: i, total: groups.length, unit: 'depths', phase: `measuring ${name}` });
      const shape = await chosen(shapes, options.budget.milliseconds, async (one) => {
        await progress(nameOf(one));
        return stopwatch.measure(one);
      });
      if (shape) proposals.push(await measured(shape, frame, load, stopwatch));
      else tooSlow.push(slow(shapes, stopwatch, options.budget.milliseconds as number));
    }
    await ctx.progress({ done: groups.length, total: groups.length, unit: 'depths', phase: `measuring ${from}` });
    const [out, ranked] = [[...leftOut, ...tooSlow], proposals.sort((a, b) => b.flops - a.flops)];
    const pick = picked(ranked, options.pick, out);
    await write(ctx, frame, load, ranked, pick);
    const own = { name: from, config: teacher, milliseconds: await stopwatch.teacher(path, teacher) };
    ctx.measure('timing', {
      threads: ctx.threads,
      ...load,
      teacher: own.milliseconds ?? null,
      students: ranked.map(({ shape, milliseconds }) => ({ name: nameOf(shape), milliseconds })),
    });
    ctx.show(tableOf({ ranked, pick, teacher: own, frame, load, leftOut: out, budget: options.budget }));
  } finally {
    await runner.release();
  }
}

/** What the students have in common, of the teacher and the options. */
async function frameOf(ctx: Context, teacher: TransformerConfig): Promise<Frame> {
  const { options } = ctx;
  const tokenizer = await loadTokenizer((ctx.optionalInput('tokenizer') ?? ctx.input('teacher')).path);
  const head = options.labels === undefined ? teacher.head : 'classifier';
  if (head === 'none') {
    const message = 'the teacher tells no labels apart, so how many the student is to tell is not known';
    throw new StepFailure('labels', message, 'Give labels: 2, or as many as there are.');
  }
  return {
    type: options.type ?? typeOf(teacher),
    vocabulary: tokenizer.vocabularySize,
    padId: tokenizer.padId,
    head,
    labels: options.labels ?? teacher.labels,
    maxLength: options.max_length ?? teacher.maxLength,
    dropout: options.dropout,
  };
}

const FROM_SCRATCH: readonly StudentType[] = ['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama'];

function typeOf({ type }: TransformerConfig): StudentType {
  const found = FROM_SCRATCH.find((known) => known === type);
  if (found) return found;
  throw new StepFailure(
    'type',
    `the teacher is a ${type}, which cannot be made from scratch`,
    `Say what the student is to be, type: ${FROM_SCRATCH.join(', ')}.`,
  );
}

/** Of shapes within what is counted, the widest that is within the time, too. */
async function chosen(
  shapes: readonly Shape[],
  milliseconds: number | undefined,
  measure: (shape: Shape) => Promise<number>,
): Promise<Shape | undefined> {
  if (milliseconds !== undefined) return widestWithin(shapes, milliseconds, measure);
  const widest = shapes.at(-1) as Shape;
  await measure(widest);
  return widest;
}

async function measured(shape: Shape, frame: Frame, { length }: Load, stopwatch: Stopwatch): Promise<Measured> {
  const config = configOf(frame, shape);
  const parameters = countOf(specsOf(config));
  const milliseconds = await stopwatch.measure(shape);
  return { shape, parameters, bytes: bytesOf(parameters), flops: flopsOf(config, length), milliseconds };
}

function slow(shapes: readonly Shape[], stopwatch: Stopwatch, most: number): LeftOut {
  const narrowest = shapes[0] as Shape;
  const taken = stopwatch.known(narrowest)?.toFixed(2);
  return {
    layers: narrowest.layers,
    reason: `${nameOf(narrowest)} already takes ${taken} ms of ${most}`,
    by: 'budget',
  };
}

async function write(
  ctx: Context,
  frame: Frame,
  load: Load,
  ranked: readonly Measured[],
  pick: Measured,
): Promise<void> {
  const student = `${JSON.stringify(modelOf(frame, pick.shape), null, 2)}\n`;
  await writeFile(join(await ctx.output('student'), 'student.json'), student);
  const report = {
    budget: ctx.options.budget,
    length: load.length,
    picked: nameOf(pick.shape),
    proposals: ranked.map(({ shape, parameters, bytes, flops }) => ({
      name: nameOf(shape),
      model: modelOf(frame, shape),
      parameters,
      bytes,
      flops,
    })),
  };
  await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
}
