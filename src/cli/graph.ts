import { dot, mermaid } from './diagram.js';
import { EXIT, type ExitCode } from './exit.js';
import { readPlan } from './plan.js';
import { loadRegistry } from './registry.js';

export interface GraphOptions {
  readonly set: readonly string[];
  readonly format: 'mermaid' | 'dot';
}

/** `recipe graph <file>` */
export async function graph(file: string, { set, format }: GraphOptions): Promise<ExitCode> {
  const plan = await readPlan(file, set, loadRegistry());
  if (!plan) return EXIT.usage;
  process.stdout.write(format === 'dot' ? dot(plan) : mermaid(plan));
  return EXIT.ok;
}
