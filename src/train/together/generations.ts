import { teacherOf } from '../../methods/index.js';
import { loadTransformer, type TransformerModel } from '../../models/checkpoint.js';
import type { Generations } from '../../options/self-distill.js';
import type { Stage } from '../../options/train.js';
import { readHistory, type TrainingHistory, writeHistory } from '../../report/history.js';
import { streamKey } from '../../util/random.js';
import { beginningOf } from '../beginning.js';
import { History } from '../history.js';
import { train } from '../loop.js';
import { reporter } from '../reporter.js';
import { readState } from '../saved-state.js';
import type { Teacher } from '../teachers.js';
import { single } from '../trainee.js';
import { bestOf } from './choice.js';
import { itself, type Own } from './own.js';

/**
 * Born-again networks (Furlanello et al. 2018, arXiv:1805.04770): generation after generation of one model, each from
 * another start. The first is what `train` would make of the objectives that need no teacher; each of the others learns
 * from the one before it, or from the mean of all before it.
 */
export async function trainGenerations(own: Own, { count, ensemble }: Generations): Promise<void> {
  const { ctx, lessons, stages, setting, save } = own;
  const models: TransformerModel[] = [];
  const histories: TrainingHistory[] = [];
  for (let g = 0; g < count; g++) {
    const name = `generation-${g + 1}`;
    const done = await ctx.checkpoint.load(name);
    if (done === undefined) models.push(await trainOne(g));
    else {
      models.push(await loadTransformer(done));
      histories.push(...(await readHistory(done)));
    }
  }
  await writeHistory(await ctx.output('history'), histories);
  const best = (await bestOf(models, setting, ctx, 'generation')) ?? count - 1;
  const outputs = [['model', best] as const, ...models.map((_, g) => [`generation-${g + 1}`, g] as const)];
  for (const [name, g] of outputs) {
    const { parameters } = models[g] as TransformerModel;
    await save(await ctx.output(name), own.start.config, parameters);
  }

  /** Keeps it too, for when the step is killed later. */
  async function trainOne(g: number): Promise<TransformerModel> {
    const name = `generation-${g + 1}`;
    const seed = g === 0 ? ctx.seed : streamKey(ctx.seed, `generation ${g}`);
    const { config, parameters: initial } = await beginningOf({ ...ctx, seed }, ctx.options.model, lessons.task);
    const teachers = teachersOf(models, ensemble, own);
    const learnt = g === 0 ? stages.map(untaught) : stages;
    const state = `state-${g + 1}`;
    const saved = await ctx.checkpoint.load(state);
    const resume = saved === undefined ? undefined : await readState(saved);
    const history = new History(resume?.history);
    const parameters = await train(
      { ...setting, stages: learnt, seed, trainee: single(config, teachers), initial, teachers, resume },
      reporter(ctx, learnt, { state, history, phase: `generation ${g + 1} of ${count}` }),
    );
    const told = history.named(`generation ${g + 1}`);
    histories.push(told);
    await ctx.checkpoint.save(name, async (folder) => {
      await save(folder, config, parameters);
      await writeHistory(folder, [told]);
    });
    return { config, labels: lessons.task.labels, parameters };
  }
}

/** The generations so far as one teacher; none of the first. */
function teachersOf(models: readonly TransformerModel[], ensemble: boolean, { lessons }: Own): Teacher[] {
  const last = models.at(-1);
  if (!last) return [];
  const teacher = itself(last, lessons);
  if (!ensemble || !teacher.live) return [teacher];
  return [{ ...teacher, live: { ...teacher.live, others: models.slice(0, -1) } }];
}

/** A stage without the objectives that need a teacher. */
const untaught = (stage: Stage): Stage => ({
  ...stage,
  objectives: stage.objectives.filter((entry) => teacherOf(entry) === undefined) as Stage['objectives'],
});
