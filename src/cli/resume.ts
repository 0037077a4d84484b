import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { latestRun, type RunRecord, readEvents, readRun } from '../engine/journal.js';
import type { ReporterName } from '../ui/reporter.js';
import { emptyView, reduce, type View } from '../ui/view.js';
import { execute } from './execute.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { readPlan, STATE } from './plan.js';
import { loadRegistry } from './registry.js';

/** `recipe resume [run]` */
export async function resume(id: string | undefined, options: { readonly reporter: ReporterName }): Promise<ExitCode> {
  const record = id === undefined ? await latestRun(STATE) : await readRun(STATE, id);
  if (!record) throw new UsageError(nothing(id));
  const view = (await readEvents(STATE, record.id)).reduce(reduce, emptyView);
  const recipe = relative('', record.recipe) || record.recipe;
  if (view.status === 'ok') {
    process.stderr.write(
      `run ${record.id} ended well; there is nothing to resume. To run it again: recipe run ${recipe}\n`,
    );
    return EXIT.ok;
  }
  process.stderr.write(`${found(record, view, recipe)}\n`);
  if (await changedSince(record))
    process.stderr.write(`${recipe} has changed since that run began; going on with it as it is now\n`);
  const registry = loadRegistry();
  const plan = await readPlan(record.recipe, record.set, registry);
  return plan ? execute(plan, registry, { ...options, set: record.set, resume: record.id }) : EXIT.usage;
}

function nothing(id: string | undefined): string {
  if (id !== undefined) return `there is no run "${id}" under ${STATE}/runs`;
  return `nothing to resume: no run in this folder yet (${STATE}/ is empty or missing). Start one: recipe run <file>`;
}

/** `resuming run … of recipes/tinybert.yaml --set params.gold=200: 3 of 8 steps done, interrupted at teacher` */
function found(record: RunRecord, view: View, recipe: string): string {
  const steps = [...view.steps.values()];
  const done = steps.filter(({ state }) => state === 'done' || state === 'cached').length;
  const at = (words: string, ...states: readonly string[]): string[] => {
    const ids = steps.filter(({ state }) => states.includes(state)).map((step) => step.id);
    return ids.length > 0 ? [`${words} ${ids.join(', ')}`] : [];
  };
  const settings = record.set.map((setting) => ` --set ${setting}`).join('');
  const state = [
    `${done} of ${steps.length} steps done`,
    ...at('failed at', 'failed'),
    ...at('interrupted at', 'running', 'interrupted'),
  ];
  return `resuming run ${record.id} of ${recipe}${settings}: ${state.join(', ')}`;
}

async function changedSince(record: RunRecord): Promise<boolean> {
  const file = await stat(record.recipe).catch(() => undefined);
  return file !== undefined && file.mtimeMs > Date.parse(record.started);
}
