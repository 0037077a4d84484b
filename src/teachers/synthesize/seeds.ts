import { type DatasetInfo, type Row, readDataset } from '../../data/dataset.js';
import type { StepContext } from '../../engine/step.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import { StepFailure } from '../../util/failure.js';
import type { Wishing } from './wishes.js';

type Context = StepContext<SynthesizeDataOptions>;

/** Rows that are there already. */
export interface Seeds {
  readonly info: DatasetInfo | undefined;
  readonly rows: readonly Row[];
}

export async function readSeeds(ctx: Pick<Context, 'optionalInput'>): Promise<Seeds> {
  const input = ctx.optionalInput('seeds');
  return input === undefined ? { info: undefined, rows: [] } : readDataset(input.path);
}

/** @throws StepFailure if neither the recipe nor the seeds name any */
export function labelsOf({ labels }: SynthesizeDataOptions, { info }: Seeds): readonly string[] {
  const found = labels ?? info?.labels ?? [];
  if (found.length > 0) return found;
  throw new StepFailure('no-labels', 'the seeds have no labels, and the recipe names none', 'Add labels: [spam, ham].');
}

export function wishingOf({ options, seed }: Pick<Context, 'options' | 'seed'>, { rows }: Seeds): Wishing {
  const seeds = new Map<string, string[]>();
  for (const { text, label } of rows) {
    if (label === null) continue;
    const own = seeds.get(label);
    if (own === undefined) seeds.set(label, [text]);
    else own.push(text);
  }
  const { descriptions, seed_texts: seedTexts, texts_per_request: perRequest } = options;
  return { descriptions, seeds, seedTexts, perRequest, seed };
}
