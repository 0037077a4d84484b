import { createRunner } from '../backend/runner.js';
import { readDataset } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import { teacherOf } from '../methods/index.js';
import { saveTransformer } from '../models/checkpoint.js';
import type { Parameters } from '../models/initialize.js';
import type { Pretrained, Stage, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { beginningOf, cannotWrite, type Scratch } from './beginning.js';
import { complaints } from './doctor.js';
import type { Learnable } from './examples.js';
import { type Lessons, lessonsOf, readData } from './lessons.js';
import { type AfterUpdate, train, withData } from './loop.js';
import { checkObjectives, checkStages } from './preflight.js';
import { samplePrompt, samplesTable } from './samples.js';
import { readState, saveState } from './saved-state.js';
import { modelToTrain } from './student.js';
import { closeTeachers, openTeachers, unknownRows } from './teachers.js';
import { single } from './trainee.js';
import type { Metric } from './validate.js';
import { trainYardstick } from './yardstick.js';

const STATE = 'state';

/** The `train` step. */
export async function run(ctx: StepContext<TrainOptions>): Promise<void> {
  const data = await readData(ctx);
  const model = await modelToTrain(ctx);
  const lessons = lessonsOf(ctx, data);
  if (model.type !== 'logistic') return trainTransformer(ctx, model, lessons);
  if (lessons.task.head === 'language-model') throw cannotWrite(model.type);
  if (lessons.task.head !== 'classifier') throw onlyLabels(model.type, lessons.task.name);
  return trainYardstick(ctx, model, data.info, data.rows.flat());
}

const onlyLabels = (type: string, task: string): StepFailure =>
  new StepFailure(
    'task',
    `a ${type} model gives a text one of some labels, so it cannot be trained for task "${task}"`,
    'Take a transformer, or set task: classification.',
  );

async function trainTransformer(
  ctx: StepContext<TrainOptions>,
  model: Scratch | Pretrained,
  lessons: Lessons,
): Promise<void> {
  const { options } = ctx;
  const { task } = lessons;
  const { labels, metrics } = task;
  const stages = options.stages?.map((stage): Stage => judgedBy(stage, metrics[0]));
  if (!stages) {
    const hint = 'Add for example stages: [{ objectives: [hard-label] }].';
    throw new StepFailure(
      'no-stages',
      `a ${model.type} model needs "stages": what to learn from, and for how long`,
      hint,
    );
  }
  const start = await beginningOf(ctx, model, task);
  const { config, tokenizerFolder, tokenizer } = start;
  const runner = await createRunner(options.backend, ctx.threads);
  const pupil = { config, labels, tokenizer: tokenizer.hash };
  const teachers = await openTeachers(ctx.inputList('teacher'), pupil, ctx.signal);
  try {
    checkStages(stages, config, ctx.optionalInput('validation') !== undefined, metrics);
    checkObjectives(
      stages,
      config.head,
      teachers.map(({ fit, said, live }) => ({ fit, index: said?.index, live })),
    );
    const saved = await ctx.checkpoint.load(STATE);
    const examples = await lessons.examples(tokenizer, config);
    const judges = await lessons.judges(tokenizer, config);
    for (const [i, { objectives }] of stages.entries()) {
      const taught = new Set(objectives.flatMap((entry) => teacherOf(entry) ?? []));
      for (const warning of unknownRows(teachers, taught, examples[i]?.rows ?? [])) {
        ctx.log('warning', `stage ${i + 1}: ${warning}`);
      }
    }
    const parameters = await train(
      {
        trainee: single(config, teachers),
        initial: start.parameters,
        stages,
        examples: (stage) => examples[stage] as Learnable,
        teachers,
        validation: (stage) => judges[stage],
        batchSize: options.batch_size,
        accumulate: options.accumulate,
        optimizer: options.optimizer,
        weightDecay: options.weight_decay,
        clipNorm: options.clip_norm,
        seed: ctx.seed,
        runner,
        resume: saved === undefined ? undefined : await readState(saved),
      },
      reporter(ctx, stages, async (stage, learnt) => {
        const { samples } = stages[stage] as Stage;
        const validation = ctx.optionalInput('validation');
        if (samples === undefined || !validation) return;
        const { rows } = await readDataset(validation.path);
        const title = `What it writes after stage ${stage + 1} of ${stages.length}`;
        const prompt = samplePrompt(options, stages[stage] as Stage);
        ctx.show(await samplesTable(title, rows.slice(0, samples), prompt, config, learnt, tokenizer, runner));
      }),
    );
    await saveTransformer(
      await ctx.output('model'),
      { config, labels, parameters },
      tokenizerFolder,
      lessons.trainedOn(stages),
      await task.written(tokenizer),
    );
  } finally {
    closeTeachers(teachers);
    await runner.release();
  }
}

/**
 * Tells what each update gave, and keeps a checkpoint.
 * @param ended called at the end of each stage with what was learnt
 */
function reporter(
  ctx: StepContext<TrainOptions>,
  stages: readonly Stage[],
  ended: (stage: number, parameters: Parameters) => Promise<void>,
): AfterUpdate {
  const loss = new Mean();
  const losses = new Map<string, Mean>();
  return async (report) => {
    const { stage, done, total, position, optimizer, best } = report;
    const { objectives, validate } = stages[stage] as Stage;
    const names = namesOf(objectives);
    loss.add(report.loss);
    for (const [i, name] of names.entries()) {
      const mean = losses.get(name) ?? new Mean();
      losses.set(name, mean);
      mean.add(report.losses[i] as number);
    }
    await ctx.progress({
      done,
      total,
      unit: 'updates',
      ...(stages.length > 1 && { phase: `stage ${stage + 1} of ${stages.length}` }),
      loss: loss.value,
      losses: Object.fromEntries([...losses].map(([type, mean]) => [type, mean.value])),
      gradientNorm: report.gradientNorm,
    });
    if (loss.count >= 10 || done === total) {
      loss.reset();
      losses.clear();
    }
    for (const complaint of complaints(report.norms ?? [], names)) {
      ctx.log('warning', `stage ${stage + 1}, update ${done}: ${complaint}`);
    }
    if (report.validation !== undefined && validate) {
      const value = `${validate.metric} ${report.validation.toFixed(4)}`;
      const state = best?.progress.since === 0 ? ', the best so far' : '';
      ctx.log('info', `update ${done} of ${total}: ${value} on the validation rows${state}`);
      if (report.stopped)
        ctx.log('info', `stage ${stage + 1} ends here: no better in ${validate.patience} evaluations`);
    }
    if (done === total || report.stopped) await ended(stage, withData(optimizer.parameters, best?.parameters ?? {}));
    if (ctx.checkpoint.due()) {
      await ctx.checkpoint.save(STATE, (folder) => saveState(folder, position, optimizer, best));
    }
    ctx.signal.throwIfAborted();
  };
}

/** A stage whose judge goes by that metric where it names none. */
function judgedBy({ validate, ...stage }: Stage, usual: Metric): Stage {
  return validate ? { ...stage, validate: { ...validate, metric: validate.metric ?? usual } } : stage;
}

/** Objectives of one type are told apart by their order. */
function namesOf(objectives: Stage['objectives']): string[] {
  const types = objectives.map(({ type }) => type as string);
  return types.map((type, i) => {
    const several = types.indexOf(type) !== types.lastIndexOf(type);
    return several ? `${type} ${types.slice(0, i + 1).filter((other) => other === type).length}` : type;
  });
}

/** A mean that grows number by number. */
class Mean {
  private sum = 0;
  count = 0;

  get value(): number {
    return this.sum / this.count;
  }

  add(x: number): void {
    this.sum += x;
    this.count++;
  }

  reset(): void {
    [this.sum, this.count] = [0, 0];
  }
}
