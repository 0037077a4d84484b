import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainedOn } from '../report/evaluate.js';

/** What a model's folder says of its training, if it does. */
export async function trainedOn(folder: string): Promise<TrainedOn | undefined> {
  const recipe = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { trained_on?: TrainedOn };
  if (recipe.trained_on === undefined) return undefined;
  const { rows, labelled, synthetic } = recipe.trained_on;
  return { rows, labelled, ...(synthetic !== undefined && { synthetic }) };
}
