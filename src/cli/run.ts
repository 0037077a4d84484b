import type { ReporterName } from '../ui/reporter.js';
import { execute } from './execute.js';
import { EXIT, type ExitCode } from './exit.js';
import { readPlan } from './plan.js';
import { loadRegistry } from './registry.js';

export interface RunCommandOptions {
  readonly set: readonly string[];
  readonly reporter: ReporterName;
  readonly threads?: number;
}

/** `recipe run <file>` */
export async function run(file: string, options: RunCommandOptions): Promise<ExitCode> {
  const registry = loadRegistry();
  const plan = await readPlan(file, options.set, registry);
  return plan ? execute(plan, registry, options) : EXIT.usage;
}
