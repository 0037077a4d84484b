import type { StepContext } from '../../engine/step.js';
import { saveTransformer } from '../../models/checkpoint.js';
import type { Parameters } from '../../models/initialize.js';
import type { Stage } from '../../options/train.js';
import type { TrainMultitaskOptions } from '../../options/train-multitask.js';
import { writeHistory } from '../../report/history.js';
import { History } from '../history.js';
import { trainCourses } from '../loop.js';
import { reporter } from '../reporter.js';
import { readState } from '../saved-state.js';
import { runnerOf } from '../setting.js';
import { closeTeachers } from '../teachers.js';
import { frozenNames, type Trainee } from '../trainee.js';
import { type Branch, branchOf, branchParameters, branchSpecs, branchStage, joinedTo } from './branch.js';
import { type Enrolled, enrol } from './enrol.js';
import { type Turn, takingTurns } from './taking-turns.js';
import { taskOptions } from './task-options.js';

const STATE = 'state';

/** The `train-multitask` step. */
export async function run(ctx: StepContext<TrainMultitaskOptions>): Promise<void> {
  const { options } = ctx;
  const runner = await runnerOf({ ...ctx, options: taskOptions(options, 0) });
  const tasks: Enrolled[] = [];
  try {
    for (const task of options.tasks.keys()) tasks.push(await enrol(ctx, task, runner));
    const branches = tasks.map(({ name, start }) => branchOf(name, start.config));
    const [{ start, setting, ...first }] = tasks as [Enrolled, ...Enrolled[]];
    const trainee: Pick<Trainee, 'specs' | 'frozen' | 'maxLength'> = {
      specs: branchSpecs(branches),
      frozen: (parts) => frozenNames(parts, start.config),
      maxLength: start.config.maxLength,
    };
    tellSizes(ctx, branches, trainee.specs);
    const course = takingTurns(
      { ...setting, trainee, stages: tasks.map(({ options: own }) => own) },
      tasks.map((task, k) => turnOf(task, branches[k] as Branch, options, k)),
      {
        temperature: options.sampling.temperature,
        updates: options.updates,
        drawn: (counts) => ctx.log('info', `updates: ${list(tasks, counts.map(String))}`),
        judged(values) {
          const told = values.map(({ task, metric, value }) => `${task} ${metric} ${value.toFixed(4)}`);
          ctx.log('info', `on the validation rows: ${told.join(', ')}`);
        },
      },
    );
    // The metric of all is the mean of the tasks', of which each is the better the greater it is.
    const { validate: _, ...all }: Stage = { ...first.options, updates: options.updates };
    const stages = [options.validate ? { ...all, validate: options.validate } : all];
    const saved = await ctx.checkpoint.load(STATE);
    const initial: Parameters = Object.assign(
      {},
      ...tasks.map((task, k) => joinedTo(branches[k] as Branch, task.start.parameters)),
    );
    const resume = saved === undefined ? undefined : await readState(saved);
    const history = new History(resume?.history);
    const training = { ...setting, trainee, initial, stages, resume };
    const parameters = await trainCourses(training, [course], reporter(ctx, stages, { state: STATE, history }));
    await writeHistory(await ctx.output('history'), [history.named(null)]);
    for (const [k, { name, start: own, lessons, options: learnt }] of tasks.entries()) {
      const { config, tokenizerFolder } = own;
      const model = {
        config,
        labels: lessons.task.labels,
        parameters: branchParameters(branches[k] as Branch, parameters),
      };
      await saveTransformer(await ctx.output(name), model, tokenizerFolder, lessons.trainedOn([learnt]));
    }
  } finally {
    for (const { teachers } of tasks) closeTeachers(teachers);
    await runner.release();
  }
}

function turnOf(
  { stage, options: own, setting, teachers }: Enrolled,
  branch: Branch,
  { tasks, weights }: TrainMultitaskOptions,
  task: number,
): Turn {
  const weighing = { weight: tasks[task]?.weight as number, learnt: weights === 'uncertainty' };
  const judge = setting.validation(0);
  const metric = own.validate?.metric;
  return {
    branch,
    stage: branchStage(stage, branch, weighing),
    examples: setting.examples(0),
    teachers,
    judged: judge && metric && { judge, metric },
  };
}

function tellSizes(
  { log }: Pick<StepContext<unknown>, 'log'>,
  branches: readonly Branch[],
  specs: Trainee['specs'],
): void {
  const size = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + (specs[name]?.shape ?? []).reduce((a, b) => a * b, 1), 0);
  const heads = branches.map(({ names }) =>
    Object.entries(names).flatMap(([own, name]) => (own === name ? [] : [name])),
  );
  const encoder = Object.keys(specs).filter((name) => !heads.some((head) => head.includes(name)));
  const own = list(
    branches,
    heads.map((head) => size(head).toLocaleString('en-US')),
  );
  log('info', `the tasks share ${size(encoder).toLocaleString('en-US')} parameters; of its own has ${own}`);
}

const list = (tasks: readonly { readonly name: string }[], values: readonly string[]): string =>
  tasks.map(({ name }, k) => `${name} ${values[k]}`).join(', ');
