import type { StepContext } from '../../engine/step.js';
import { saveTransformer } from '../../models/checkpoint.js';
import type { OnlineDistillOptions } from '../../options/online-distill.js';
import { writeHistory } from '../../report/history.js';
import { StepFailure } from '../../util/failure.js';
import { streamKey } from '../../util/random.js';
import { type Beginning, beginningOf } from '../beginning.js';
import { History } from '../history.js';
import { lessonsOf, readData } from '../lessons.js';
import { train } from '../loop.js';
import { checkStages } from '../preflight.js';
import { reporter } from '../reporter.js';
import { readState } from '../saved-state.js';
import { runnerOf, settingOf, stagesOf } from '../setting.js';
import type { Task } from '../tasks/index.js';
import { bestOf } from './choice.js';
import { joined, type Peer, peerOf, peers } from './peers.js';

const STATE = 'state';

/** The `online-distill` step. */
export async function run(ctx: StepContext<OnlineDistillOptions>): Promise<void> {
  const { options } = ctx;
  const lessons = lessonsOf(ctx, await readData(ctx));
  const { task } = lessons;
  const stages = stagesOf(options, 'peer', lessons);
  const starts = await startsOf(ctx, task);
  const first = starts[0] as Beginning;
  const all = starts.map(({ config }, k): Peer => ({ config, teachers: teachersOf(options.peers, k) }));
  for (const { config } of all) {
    checkStages(stages, config, ctx.optionalInput('validation') !== undefined, task.metrics);
  }
  const trainee = peers(all);
  // Whether the objectives fit is said before anything is read.
  for (const [i, stage] of stages.entries()) trainee.stage(stage, `check ${i}`);
  const runner = await runnerOf(ctx);
  try {
    const setting = await settingOf(ctx, lessons, stages, first, runner);
    const saved = await ctx.checkpoint.load(STATE);
    const resume = saved === undefined ? undefined : await readState(saved);
    const history = new History(resume?.history);
    const initial = joined(starts.map(({ parameters }) => parameters));
    const parameters = await train(
      { ...setting, trainee, initial, teachers: [], resume },
      reporter(ctx, stages, { state: STATE, history, learning: true }),
    );
    await writeHistory(await ctx.output('history'), [history.named(null)]);
    const models = starts.map(({ config }, k) => ({ config, labels: task.labels, parameters: peerOf(parameters, k) }));
    const best = (await bestOf(models, setting, ctx, 'peer')) ?? 0;
    const outputs = [['model', best] as const, ...models.map((_, k) => [`peer-${k + 1}`, k] as const)];
    for (const [name, k] of outputs) {
      await saveTransformer(
        await ctx.output(name),
        models[k] as (typeof models)[number],
        (starts[k] as Beginning).tokenizerFolder,
        lessons.trainedOn(stages),
        await task.written((starts[k] as Beginning).tokenizer),
      );
    }
  } finally {
    await runner.release();
  }
}

/** Whom a peer learns from, the first being 0. */
function teachersOf(all: OnlineDistillOptions['peers'], peer: number): Peer['teachers'] {
  const { teachers } = all[peer] as OnlineDistillOptions['peers'][number];
  if (teachers === 'ensemble') return teachers;
  if (teachers === 'others') return all.flatMap((_, k) => (k === peer ? [] : [k]));
  return teachers.map((number) => number - 1);
}

/**
 * The peers before their first update. The first starts as `train` would start it; each of the others is drawn anew.
 * @throws StepFailure if they do not read the same tokens
 */
async function startsOf(ctx: StepContext<OnlineDistillOptions>, task: Task): Promise<Beginning[]> {
  const inits = ctx.inputList('init');
  const pretrained = ctx.options.peers.filter(({ model }) => model.type === 'pretrained').length;
  if (inits.length !== pretrained) {
    throw new StepFailure(
      'no-init',
      `${pretrained} of the peers are pretrained, and the input "init" has ${inits.length}`,
      'Give one model for each, in the order of the peers.',
    );
  }
  const starts: Beginning[] = [];
  let taken = 0;
  for (const [k, { model }] of ctx.options.peers.entries()) {
    const init = model.type === 'pretrained' ? inits[taken++] : undefined;
    const own: typeof ctx = {
      ...ctx,
      seed: k === 0 ? ctx.seed : streamKey(ctx.seed, `peer ${k}`),
      optionalInput(name) {
        if (name === 'init') return init;
        return name === 'tokenizer' && init ? undefined : ctx.optionalInput(name);
      },
    };
    const start = await beginningOf(own, model, task);
    const first = starts[0] ?? start;
    const at = `/peers/${k}/model`;
    if (start.tokenizer.hash !== first.tokenizer.hash) {
      const hint = 'Peers answer about the same tokens: start all of them from models with one tokenizer.';
      throw new StepFailure('tokenizer', `peer ${k + 1} has another tokenizer than peer 1`, hint, at);
    }
    if (start.config.maxLength !== first.config.maxLength) {
      const message = `peer ${k + 1} reads ${start.config.maxLength} tokens of a text, and peer 1 reads ${first.config.maxLength}`;
      throw new StepFailure('max-length', message, 'Give all of them one max_length.', at);
    }
    starts.push(start);
  }
  return starts;
}
