import type { Row } from '../data/dataset.js';
import type { StepContext } from '../engine/step.js';
import { type LogisticOptions, saveLogistic, trainLogistic } from '../models/logistic.js';
import { StepFailure } from '../util/failure.js';

/** Trains a logistic regression on the rows that have a label, and saves it. */
export async function trainYardstick(
  ctx: StepContext<unknown>,
  options: LogisticOptions,
  labels: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const labelled = rows.filter((row) => row.label !== null);
  if (labelled.length === 0)
    throw new StepFailure('no-rows', 'a logistic model learns from labels, and no row has one');
  const targets = new Float32Array(labelled.length * labels.length);
  labelled.forEach((row, i) => {
    targets[i * labels.length + labels.indexOf(row.label as string)] = 1;
  });
  const model = await trainLogistic({
    texts: labelled.map((row) => row.text),
    targets,
    labels,
    options,
    onTexts: async (done, total) => {
      await ctx.progress({ done, total, unit: 'texts', phase: 'counting words' });
      ctx.signal.throwIfAborted();
    },
    onIteration: async (iteration, loss) => {
      await ctx.progress({ done: iteration, total: iteration, unit: 'iterations', phase: 'L-BFGS', loss });
      ctx.signal.throwIfAborted();
    },
  });
  await saveLogistic(await ctx.output('model'), model, { rows: labelled.length, labelled: labelled.length });
}
