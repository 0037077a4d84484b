import { EXIT, type ExitCode } from './exit.js';
import { readPlan } from './plan.js';
import { loadRegistry } from './registry.js';

/** `recipe validate <file>` */
export async function validate(file: string, options: { readonly set: readonly string[] }): Promise<ExitCode> {
  const plan = await readPlan(file, options.set, loadRegistry());
  if (!plan) return EXIT.usage;
  const count = plan.instances.length;
  process.stdout.write(`OK: ${count} ${count === 1 ? 'step' : 'steps'}\n`);
  return EXIT.ok;
}
