import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { didYouMean } from '../engine/suggest.js';
import { UsageError } from './exit.js';
import { artifactFolder, type RunMade, readMade } from './made.js';

/**
 * The folder of a model: a path, or a step of a run of this working folder: `student`, `student[seed=1]`,
 * `self.generation_2` or, of a run that is not the last one, `RUN:student`.
 * @throws UsageError if there is none
 */
export async function modelFolder(name: string): Promise<string> {
  const found = await stat(name).catch(() => undefined);
  if (found?.isDirectory()) return resolve(name);
  const colon = name.indexOf(':');
  const [run, wanted] = colon < 0 ? [undefined, name] : [name.slice(0, colon), name.slice(colon + 1)];
  if (run === undefined && /[/\\]/.test(name)) throw new UsageError(`there is no folder ${resolve(name)}`);
  const made = await readMade(run).catch((error: unknown) => {
    if (run !== undefined || !(error instanceof UsageError)) throw error;
    throw new UsageError(`there is no folder ${resolve(name)}, and no run in this folder that has a step "${name}"`);
  });
  return artifactFolder(digestOf(made, wanted), `the model of "${wanted}"`);
}

/** `student` of `student[seed=1]`. */
const recipeStep = (instance: string): string => instance.replace(/\[.*\]$/, '');

/** The digest of the model that a step of a run has made. */
function digestOf({ id, made }: RunMade, wanted: string): string {
  const models = [...made].flatMap(([step, { outputs }]) =>
    Object.entries(outputs).flatMap(([output, ref]) =>
      'digest' in ref && ref.kind === 'model' ? [{ step, output, digest: ref.digest }] : [],
    ),
  );
  const whole = ({ step, output }: (typeof models)[number]): string => `${step}.${output}`;
  const fitting = models.filter((model) => {
    const { step, output } = model;
    // `student` is the model of step student, and of its instances `student[seed=1]`, …
    return [step, whole(model), recipeStep(step), `${recipeStep(step)}.${output}`].includes(wanted);
  });
  const exact = fitting.filter((model) => [model.step, whole(model)].includes(wanted));
  const [first, second] = exact.length > 0 ? exact : fitting;
  if (first === undefined) {
    const names = [...new Set(models.map(({ step }) => step))];
    const has = names.length === 0 ? 'None of its steps has made a model.' : `There are ${names.join(', ')}.`;
    const hint = didYouMean(wanted, [...names, ...names.map(recipeStep), ...models.map(whole)]) ?? has;
    throw new UsageError(
      `there is no folder ${resolve(wanted)}, and no step "${wanted}" that has made a model in run ${id}. ${hint}`,
    );
  }
  if (second !== undefined) {
    const all = (exact.length > 0 ? exact : fitting).map(whole).join(', ');
    throw new UsageError(`"${wanted}" is several models of run ${id}: name one of ${all}`);
  }
  return first.digest;
}
