import type { Runner } from '../../backend/runner.js';
import type { InputArtifact, StepContext } from '../../engine/step.js';
import type { Stage as StageOptions, TrainOptions } from '../../options/train.js';
import type { TrainMultitaskOptions } from '../../options/train-multitask.js';
import { StepFailure } from '../../util/failure.js';
import { type Beginning, beginningOf } from '../beginning.js';
import { type Lessons, lessonsOf, readData } from '../lessons.js';
import { checkObjectives, checkStages } from '../preflight.js';
import { type Setting, settingOf, stagesOf } from '../setting.js';
import type { Stage } from '../stage.js';
import { closeTeachers, openTeachers, type Teacher, unknownRows } from '../teachers.js';
import { single } from '../trainee.js';
import { taskOptions } from './task-options.js';

/** One of several tasks, with all that a `train` step would have before its first update. */
export interface Enrolled {
  readonly name: string;
  readonly lessons: Lessons;
  readonly start: Beginning;
  readonly options: StageOptions;
  /** Of the task alone. */
  readonly stage: Stage;
  readonly setting: Setting;
  readonly teachers: readonly Teacher[];
}

/**
 * @param task its place
 * @throws StepFailure at the task's place if it cannot be learnt
 */
export async function enrol(ctx: StepContext<TrainMultitaskOptions>, task: number, runner: Runner): Promise<Enrolled> {
  const { name } = ctx.options.tasks[task] as TrainMultitaskOptions['tasks'][number];
  try {
    return await enrolled(asTrain(ctx, task), name, runner);
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const pointer = `/tasks/${task}${(error.pointer ?? '').replace(/^\/stages\/0/, '')}`;
    throw new StepFailure(error.reason, `task "${name}": ${error.message}`, error.hint, pointer);
  }
}

/** The step as a `train` step of one task sees it. */
function asTrain(ctx: StepContext<TrainMultitaskOptions>, task: number): StepContext<TrainOptions> {
  const { name, ...given } = ctx.options.tasks[task] as TrainMultitaskOptions['tasks'][number];
  const OWN = ['data', 'validation', 'teacher'] as const;
  const inputList = (input: string): readonly InputArtifact[] => {
    const own = OWN.find((each) => each === input);
    if (own === undefined) return ctx.inputList(input);
    const number = given[own];
    return number === undefined ? [] : [ctx.inputList(own)[number - 1] as InputArtifact];
  };
  return {
    ...ctx,
    options: taskOptions(ctx.options, task),
    inputList,
    input: (input) => inputList(input)[0] as InputArtifact,
    optionalInput: (input) => inputList(input)[0],
    log: (level, message) => ctx.log(level, `task "${name}": ${message}`),
  };
}

async function enrolled(ctx: StepContext<TrainOptions>, name: string, runner: Runner): Promise<Enrolled> {
  const lessons = lessonsOf(ctx, await readData(ctx));
  const { task } = lessons;
  const model = ctx.options.model as Parameters<typeof beginningOf>[1];
  const stages = stagesOf(ctx.options, model.type, lessons);
  const start = await beginningOf(ctx, model, task);
  const { config, tokenizer } = start;
  const pupil = { config, labels: task.labels, tokenizer: tokenizer.hash };
  const teachers = await openTeachers(ctx.inputList('teacher'), pupil, ctx.signal);
  try {
    const judged = stages[0]?.validate !== undefined;
    checkStages(stages, config, judged, task.metrics);
    checkObjectives(
      stages,
      config.head,
      teachers.map(({ fit, said, live }) => ({ fit, index: said?.index, live })),
    );
    const stage = single(config, teachers).stage(stages[0] as StageOptions, `task ${name}`);
    const setting = await settingOf(ctx, lessons, stages, start, runner);
    for (const warning of unknownRows(teachers, new Set([0]), setting.examples(0).rows)) {
      ctx.log('warning', warning);
    }
    return { name, lessons, start, options: stages[0] as StageOptions, stage, setting, teachers };
  } catch (error) {
    closeTeachers(teachers);
    throw error;
  }
}
