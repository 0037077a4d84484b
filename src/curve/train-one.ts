import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetInfo, type Row, writeDataset } from '../data/dataset.js';
import type { Checkpoints, InputArtifact, StepContext } from '../engine/step.js';
import type { LearningCurveOptions } from '../options/learning-curve.js';
import type { TrainOptions } from '../options/train.js';
import { run as train } from '../train/run.js';

type Context = StepContext<LearningCurveOptions>;

/** One training of the curve. */
export interface Training {
  /** Names it among them. */
  readonly name: string;
  /** For people. */
  readonly phase: string;
  readonly rows: readonly Row[];
  readonly seed: number;
}

/**
 * Does what a `train` step would do with these rows.
 * @param room an empty folder
 * @returns the model's folder, in it
 */
export async function trainOne(ctx: Context, info: DatasetInfo, training: Training, room: string): Promise<string> {
  const { rows, seed, phase } = training;
  const [data, model] = [join(room, 'data'), join(room, 'model')];
  await mkdir(data);
  await mkdir(model);
  await writeDataset(data, info.labels, rows, info.labelled_by, info);
  const bound: InputArtifact = { ...ctx.input('data'), path: data };
  const own: StepContext<TrainOptions> = {
    ...ctx,
    options: ctx.options,
    seed,
    input: (name) => (name === 'data' ? bound : ctx.input(name)),
    optionalInput: (name) => (name === 'data' ? bound : ctx.optionalInput(name)),
    inputList: (name) => (name === 'data' ? [bound] : ctx.inputList(name)),
    output: async () => model,
    checkpoint: checkpointsOf(ctx.checkpoint, training.name),
    progress: (progress) =>
      ctx.progress({ ...progress, phase: progress.phase === undefined ? phase : `${phase}, ${progress.phase}` }),
    log: (level, message) => ctx.log(level, `${phase}: ${message}`),
  };
  await train(own);
  return model;
}

const OWNER = 'training.txt';

/** Its checkpoints, which take the place of those of the training before it: only one is ever under way. */
function checkpointsOf(checkpoint: Checkpoints, owner: string): Checkpoints {
  const nameOf = (name: string): string => `training-${name}`;
  return {
    due: () => checkpoint.due(),
    save: (name, fill) =>
      checkpoint.save(nameOf(name), async (folder) => {
        await fill(folder);
        await writeFile(join(folder, OWNER), owner);
      }),
    async load(name) {
      const folder = await checkpoint.load(nameOf(name));
      if (folder === undefined) return undefined;
      return (await readFile(join(folder, OWNER), 'utf8')) === owner ? folder : undefined;
    },
  };
}
