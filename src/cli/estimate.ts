import { estimate } from '../engine/estimate.js';
import type { FinishedById } from '../engine/fingerprint.js';
import { groundsOf } from '../engine/ground.js';
import type { Plan, StepInstance } from '../engine/plan.js';
import type { Registry } from '../engine/registry.js';
import { explain, type InstanceStatus } from '../engine/status.js';
import { type Estimate, StepFailure } from '../engine/step.js';
import { clean, formatCost, formatSeconds, pad } from '../ui/format.js';
import { formatBytes } from '../util/bytes.js';
import { execute } from './execute.js';
import { EXIT, type ExitCode } from './exit.js';
import { readPlan, STATE } from './plan.js';
import { loadRegistry } from './registry.js';

/**
 * `recipe plan <file>`: what a run would take, before anything is spent. Steps that only read data are run for it if
 * something depends on their rows; a later run finds their results. A step that cannot run, as the disk has no room for
 * what it would keep, makes it fail.
 */
export async function plan(file: string, options: { readonly set: readonly string[] }): Promise<ExitCode> {
  const registry = loadRegistry();
  const whole = await readPlan(file, options.set, registry);
  if (!whole) return EXIT.usage;
  const first = await explain(whole, STATE, registry);
  const before = free(whole, first.statuses, registry);
  if (before.length > 0) {
    const code = await execute({ ...whole, instances: before, outputs: {} }, registry, {
      reporter: 'plain',
      set: options.set,
    });
    if (code !== EXIT.ok) return code;
    process.stdout.write('\n');
  }
  const { statuses, finished } = before.length > 0 ? await explain(whole, STATE, registry) : first;
  const width = Math.max(...statuses.map(({ id }) => id.length));
  let total = 0;
  let possible = true;
  for (const instance of whole.instances) {
    const status = statuses.find(({ id }) => id === instance.id) as InstanceStatus;
    const lines = [stateOf(status), ...recalled(instance, finished, registry)];
    if (status.state !== 'done' && status.state !== 'disabled') {
      try {
        const found = await estimate(whole, instance, finished, STATE, registry);
        total += found?.usd ?? 0;
        lines.push(...(found === undefined ? [] : words(found)));
      } catch (error) {
        if (!(error instanceof StepFailure)) throw error;
        possible = false;
        lines.push(`cannot run: ${error.message}${error.hint === undefined ? '' : `. ${error.hint}`}`);
      }
    }
    const [head = '', ...rest] = lines.map(clean);
    process.stdout.write(`  ${pad(instance.id, width)}  ${head}\n`);
    for (const line of rest) process.stdout.write(`  ${' '.repeat(width)}  ${line}\n`);
  }
  if (total > 0) process.stdout.write(`\nabout ${formatCost(total)} in all; nothing is spent yet\n`);
  return possible ? EXIT.ok : EXIT.failed;
}

/** What a result that is there has to say. */
function recalled(instance: StepInstance, finished: FinishedById, registry: Registry): readonly string[] {
  const outputs = Object.entries(finished.get(instance.id)?.outputs ?? {});
  const values = outputs.map(([name, output]) => [name, 'value' in output ? output.value : undefined] as const);
  return registry.get(instance.uses)?.recalls?.(Object.fromEntries(values)) ?? [];
}

/** Steps that only read data and that an estimate waits for, with what they need. */
function free(whole: Plan, statuses: readonly InstanceStatus[], registry: Registry): Plan['instances'] {
  const done = new Set(statuses.filter(({ state }) => state === 'done').map(({ id }) => id));
  const byId = new Map(whole.instances.map((instance) => [instance.id, instance]));
  const wanted = new Set<string>();
  const collect = (id: string): boolean => {
    const instance = byId.get(id);
    if (instance === undefined || done.has(id)) return true;
    if (registry.get(instance.uses)?.lane !== 'io' || !instance.needs.every(collect)) return false;
    wanted.add(id);
    return true;
  };
  for (const instance of whole.instances) {
    if (registry.get(instance.uses)?.estimate === undefined || done.has(instance.id)) continue;
    const grounds = Object.values(groundsOf(instance, byId, done, registry)).flat();
    grounds.every(({ binding }) => collect(binding.from));
  }
  // What is done is needed as well: the run takes it from the store.
  const needed = new Set<string>();
  const add = (id: string): void => {
    if (needed.has(id)) return;
    needed.add(id);
    byId.get(id)?.needs.forEach(add);
  };
  wanted.forEach(add);
  return whole.instances.filter(({ id }) => needed.has(id));
}

function stateOf(status: InstanceStatus): string {
  switch (status.state) {
    case 'done':
      return 'done';
    case 'disabled':
      return 'off';
    case 'waiting':
      return `to run, after ${status.on.join(', ')}`;
    default:
      return 'to run';
  }
}

function words({ rows, done, tokens, usd, seconds, bytes, notes }: Estimate): string[] {
  const parts = [
    ...(rows === undefined
      ? []
      : [`${rows.toLocaleString('en')} rows${done ? `, ${done.toLocaleString('en')} of them done already` : ''}`]),
    ...(tokens === undefined ? [] : [`about ${tokens.toLocaleString('en')} tokens`]),
    ...(usd === undefined ? [] : [`about ${formatCost(usd)}`]),
    ...(seconds === undefined ? [] : [`about ${formatSeconds(seconds)}`]),
    ...(bytes === undefined ? [] : [`${formatBytes(bytes)} on disk`]),
  ];
  return [parts.join(', '), ...notes.map((note) => `(${note})`)];
}
