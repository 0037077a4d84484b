import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';

/**
 * The kind of model that an artifact folder names in its `recipe.json`, and that file.
 * @throws StepFailure when the folder holds no model
 */
export async function typeOf(folder: string): Promise<{ readonly file: string; readonly type: unknown }> {
  const file = join(folder, 'recipe.json');
  try {
    return { file, type: (JSON.parse(await readFile(file, 'utf8')) as { type?: unknown } | null)?.type };
  } catch (error) {
    throw new StepFailure('no-model', `cannot read a model from ${file}: ${(error as Error).message}`);
  }
}

/**
 * Of several families the one that a model folder names.
 *
 * @param unknown what to say of another type, given as JSON, beside those that are known
 * @throws StepFailure when the folder holds no model or one of none of them
 */
export async function familyOf<F extends { readonly type: string }>(
  folder: string,
  families: readonly F[],
  unknown: (file: string, type: string, known: string) => StepFailure,
): Promise<F> {
  const { file, type } = await typeOf(folder);
  const family = families.find((candidate) => candidate.type === type);
  if (family) return family;
  const known = families.map((each) => each.type).join(', ');
  throw unknown(file, JSON.stringify(type) ?? 'undefined', known);
}
