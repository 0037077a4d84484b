import { relative } from 'node:path';
import { latestRun } from '../engine/journal.js';
import { explainStatus, type InstanceStatus } from '../engine/status.js';
import { clean, pad } from '../ui/format.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { readPlan, STATE } from './plan.js';
import { loadRegistry } from './registry.js';

/** `recipe status [file]` */
export async function status(
  file: string | undefined,
  options: { readonly set: readonly string[] },
): Promise<ExitCode> {
  const last = file === undefined ? await latestRun(STATE) : undefined;
  const recipe = file ?? last?.recipe;
  if (recipe === undefined) {
    throw new UsageError(
      `no run in this folder yet (${STATE}/ is empty or missing); name a recipe: recipe status <file>`,
    );
  }
  const set = last && options.set.length === 0 ? last.set : options.set;
  const registry = loadRegistry();
  const plan = await readPlan(recipe, set, registry);
  if (!plan) return EXIT.usage;
  const statuses = await explainStatus(plan, STATE, registry);
  const settings = set.map((setting) => ` --set ${setting}`).join('');
  const width = Math.max(...statuses.map(({ id }) => id.length), 0);
  const lines = statuses.map((one) => `  ${pad(one.id, width)}  ${clean(describe(one))}`);
  process.stdout.write(`${plan.name}  ${relative('', plan.file) || plan.file}${settings}\n${lines.join('\n')}\n`);
  return EXIT.ok;
}

/** `done`, or what a run would do and why. */
function describe(status: InstanceStatus): string {
  switch (status.state) {
    case 'done':
      return 'done';
    case 'new':
      return 'to run: never finished';
    case 'partial':
      return 'to run: goes on from its last checkpoint';
    case 'stale':
      if (status.why.reason === 'changed') return `to run: changed: ${status.why.changes.join(', ')}`;
      return 'to run: it is never cached';
    case 'failed':
      return `failed: ${status.message}`;
    case 'disabled':
      return status.because === undefined ? 'off: its "if" is false' : `off: it needs ${status.because}, which is off`;
    case 'waiting':
      return `waiting: depends on ${status.on.join(', ')}`;
  }
}
