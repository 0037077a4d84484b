import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Imported, Says } from '../models/imported/imported.js';
import { StepFailure } from '../util/failure.js';
import { labelsBeside, lengthBeside } from './beside.js';

/** What importing a graph settles, whatever format it is in. */

/**
 * Tokens that are read of a text.
 *
 * @param given what the recipe says
 * @param fixed what the graph fixes
 * @param folders whose settings may say it
 * @throws StepFailure if nothing says it, or the recipe more than the graph takes
 */
export async function lengthOf(
  given: number | undefined,
  fixed: number | undefined,
  folders: readonly string[],
): Promise<number> {
  if (given !== undefined && fixed !== undefined && given > fixed) {
    throw new StepFailure(
      'max-length',
      `max_length is ${given}, and the graph reads ${fixed} tokens`,
      `Give max_length: ${fixed} or less.`,
    );
  }
  if (given !== undefined) return given;
  const said = [fixed, await lengthBeside(folders)].filter((length) => length !== undefined);
  if (said.length > 0) return Math.min(...said);
  throw new StepFailure(
    'max-length',
    'nothing says how many tokens of a text the graph reads',
    'Add max_length: as many as the model was made for, such as 512, or fewer.',
  );
}

/**
 * The names of what the logits stand for; none of a graph that gives embeddings.
 *
 * @param given what the recipe says
 * @param folder the model's, whose `config.json` may say it
 * @throws StepFailure if the recipe names labels of embeddings, or nothing says those of logits
 */
export async function labelsOf(
  given: readonly string[] | undefined,
  says: Says,
  folder: string | undefined,
): Promise<readonly string[]> {
  if (says !== 'logits') {
    if (given === undefined) return [];
    throw new StepFailure(
      'not-used',
      `"labels" are given, and the graph's output is mapped as "${says}"`,
      'Map an output as "logits", or leave "labels" out.',
    );
  }
  const labels = given ?? (folder && (await labelsBeside(folder)));
  if (labels) return labels;
  throw new StepFailure(
    'labels',
    'nothing says what the graph’s logits stand for',
    'Add labels: […] in the order of the logits, or put the model’s config.json beside it.',
  );
}

/** @throws StepFailure if there are not as many labels as logits */
export function checkLabels(labels: readonly string[], says: Says, width: number): void {
  if (says !== 'logits' || labels.length === width) return;
  throw new StepFailure(
    'labels',
    `the graph gives ${width} logits, and there are ${labels.length} labels: ${labels.join(', ')}`,
    'Name each of them, in the order of the logits.',
  );
}

/** Writes what an artifact is, and gives a line that says it. */
export async function writeImported(folder: string, about: Imported): Promise<string> {
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify(about, null, 2)}\n`);
  const { type, parameters, max_length: length, output, labels, width } = about;
  const says = output.says === 'logits' ? `labels ${labels.join(', ')}` : `embeddings of ${width}`;
  return `${type}, ${(parameters / 1e6).toFixed(1)} M parameters, ${says}, ${length} tokens of a text`;
}
