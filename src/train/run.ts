import type { StepContext } from '../engine/step.js';
import { teacherOf } from '../methods/index.js';
import { saveTransformer } from '../models/checkpoint.js';
import type { Pretrained, TrainOptions } from '../options/train.js';
import { writeHistory } from '../report/history.js';
import { StepFailure } from '../util/failure.js';
import { beginningOf, cannotWrite, type Scratch } from './beginning.js';
import { History } from './history.js';
import { type Lessons, lessonsOf, readData } from './lessons.js';
import { train } from './loop.js';
import { cannotCompare } from './pairs.js';
import { checkObjectives, checkStages } from './preflight.js';
import { reporter } from './reporter.js';
import { samplesAfter } from './samples.js';
import { readState } from './saved-state.js';
import { runnerOf, settingOf, stagesOf } from './setting.js';
import { trainSimilarityProbe } from './similarity-probe.js';
import { modelToTrain } from './student.js';
import { closeTeachers, openTeachers, thinCaches, unknownRows } from './teachers.js';
import { single } from './trainee.js';
import { trainYardstick } from './yardstick.js';

const STATE = 'state';

/** The `train` step. */
export async function run(ctx: StepContext<TrainOptions>): Promise<void> {
  const data = await readData(ctx);
  const model = await modelToTrain(ctx);
  const lessons = lessonsOf(ctx, data);
  if (model.type !== 'logistic') return trainTransformer(ctx, model, lessons);
  if (lessons.task.head === 'language-model') throw cannotWrite(model.type);
  if (model.features === 'similarity') {
    if (lessons.task.head === 'embedding') return trainSimilarityProbe(ctx, data.info, data.rows.flat());
    throw new StepFailure('task', 'features: similarity compares two texts', 'Set task: matching.');
  }
  if (lessons.task.head !== 'classifier') throw onlyLabels(model.type, lessons.task.name);
  if (lessons.task.pairs) throw cannotCompare(model.type);
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
  const { task } = lessons;
  const { labels, metrics } = task;
  const stages = stagesOf(ctx.options, model.type, lessons);
  const start = await beginningOf(ctx, model, task);
  const { config, tokenizerFolder, tokenizer } = start;
  const runner = await runnerOf(ctx);
  const ended = samplesAfter(ctx, stages, { config, tokenizer, runner });
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
    const resume = saved === undefined ? undefined : await readState(saved);
    const history = new History(resume?.history);
    const setting = await settingOf(ctx, lessons, stages, start, runner);
    for (const [i, { objectives }] of stages.entries()) {
      const taught = new Set(objectives.flatMap((entry) => teacherOf(entry) ?? []));
      const warnings = [...unknownRows(teachers, taught, setting.examples(i).rows), ...thinCaches(teachers, taught)];
      for (const warning of warnings) {
        ctx.log('warning', `stage ${i + 1}: ${warning}`);
      }
    }
    const parameters = await train(
      {
        ...setting,
        trainee: single(config, teachers),
        initial: start.parameters,
        teachers,
        resume,
      },
      reporter(ctx, stages, { state: STATE, history, ended }),
    );
    await writeHistory(await ctx.output('history'), [history.named(null)]);
    await saveTransformer(
      await ctx.output('model'),
      { config, labels, parameters },
      tokenizerFolder,
      lessons.trainedOn(stages),
      await task.written(tokenizer),
      await lessons.similarity(tokenizer, runner, config, parameters),
    );
  } finally {
    closeTeachers(teachers);
    await runner.release();
  }
}
