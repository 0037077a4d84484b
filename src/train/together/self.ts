import type { StepContext } from '../../engine/step.js';
import { saveTransformer } from '../../models/checkpoint.js';
import { exitParameters, exitSpecs, exitsOf } from '../../models/exits.js';
import { initialize, type Parameters } from '../../models/initialize.js';
import type { SelfDistillOptions } from '../../options/self-distill.js';
import { writeHistory } from '../../report/history.js';
import { Average } from '../average.js';
import { beginningOf } from '../beginning.js';
import { History } from '../history.js';
import { lessonsOf, readData } from '../lessons.js';
import { train } from '../loop.js';
import { checkObjectives, checkStages } from '../preflight.js';
import { reporter } from '../reporter.js';
import { readState } from '../saved-state.js';
import { runnerOf, settingOf, stagesOf } from '../setting.js';
import type { Teacher } from '../teachers.js';
import { single, type Trainee } from '../trainee.js';
import { withExits } from './exits.js';
import { trainGenerations } from './generations.js';
import { itself, type Own } from './own.js';

const STATE = 'state';

/** The `self-distill` step. */
export async function run(ctx: StepContext<SelfDistillOptions>): Promise<void> {
  const { options } = ctx;
  const lessons = lessonsOf(ctx, await readData(ctx));
  const { task } = lessons;
  const stages = stagesOf(options, options.model.type, lessons);
  const start = await beginningOf(ctx, options.model, task);
  const { config, tokenizer, tokenizerFolder } = start;
  checkStages(stages, config, ctx.optionalInput('validation') !== undefined, task.metrics);
  checkObjectives(stages, config.head, [itself(start, lessons)]);
  const runner = await runnerOf(ctx);
  try {
    const setting = await settingOf(ctx, lessons, stages, start, runner);
    const save: Own['save'] = async (folder, own, parameters) =>
      saveTransformer(
        folder,
        { config: own, labels: task.labels, parameters },
        tokenizerFolder,
        lessons.trainedOn(stages),
        await task.written(tokenizer),
      );
    const own: Own = { ctx, lessons, stages, start, setting, save };
    const { teacher } = options;
    if (teacher.type === 'generations') await trainGenerations(own, teacher);
    else if (teacher.type === 'average') await trainWithAverage(own, teacher.decay);
    else await trainWithExits(own, teacher.after);
  } finally {
    await runner.release();
  }
}

/** One training, whose checkpoint is the step's. */
async function trainOnce(
  { ctx, stages, setting }: Own,
  trainee: Trainee,
  initial: Parameters,
  teachers: readonly Teacher[],
): Promise<Parameters> {
  const saved = await ctx.checkpoint.load(STATE);
  const resume = saved === undefined ? undefined : await readState(saved);
  const history = new History(resume?.history);
  const told = reporter(ctx, stages, { state: STATE, history, average: trainee.average, learning: true });
  const parameters = await train({ ...setting, trainee, initial, teachers, resume }, told);
  await writeHistory(await ctx.output('history'), [history.named(null)]);
  return parameters;
}

async function trainWithAverage(own: Own, decay: number): Promise<void> {
  const { ctx, lessons, start, save } = own;
  const { config, parameters: initial } = start;
  const average = new Average(initial, decay);
  const teachers = [itself({ config, parameters: average.parameters }, lessons)];
  const parameters = await trainOnce(own, { ...single(config, teachers), average }, initial, teachers);
  await save(await ctx.output('model'), config, parameters);
  await save(await ctx.output('teacher'), config, average.parameters);
}

async function trainWithExits(own: Own, after: readonly number[]): Promise<void> {
  const { ctx, start, save } = own;
  const { config } = start;
  const exits = exitsOf(config, after);
  const initial = { ...start.parameters, ...initialize(Object.assign({}, ...exits.map(exitSpecs)), ctx.seed) };
  const parameters = await trainOnce(own, withExits(config, exits), initial, []);
  const whole = Object.keys(start.parameters).map((name) => [name, parameters[name] as Parameters[string]]);
  await save(await ctx.output('model'), config, Object.fromEntries(whole));
  for (const [i, exit] of exits.entries()) {
    await save(await ctx.output(`exit-${i + 1}`), exit.config, exitParameters(exit, parameters));
  }
}
