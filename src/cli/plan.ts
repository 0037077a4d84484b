import type { Diagnostic } from '../engine/diagnostic.js';
import type { Plan } from '../engine/plan.js';
import { loadPlan } from '../engine/plan-recipe.js';
import type { Registry } from '../engine/registry.js';
import { renderDiagnostics } from '../engine/render-diagnostic.js';
import { readSources } from '../engine/source.js';
import { wantsColor } from '../ui/reporter.js';
import { UsageError } from './exit.js';

/** The state folder of a working folder. */
export const STATE = '.recipe';

/**
 * Reads a recipe, and prints to stderr all that is wrong with it.
 * @param set `--set` as given
 * @returns undefined if there are errors
 */
export async function readPlan(file: string, set: readonly string[], registry: Registry): Promise<Plan | undefined> {
  const result = await loadPlan(file, { registry, set: parseSettings(set), env: process.env });
  await printDiagnostics(result.ok ? result.warnings : result.diagnostics);
  return result.ok ? result.value : undefined;
}

/** `params.gold=200` → `{'params.gold': '200'}`; of one name the last counts. */
function parseSettings(set: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    set.map((setting) => {
      const at = setting.indexOf('=');
      if (at < 1) throw new UsageError(`--set ${setting}: expected name=value, such as --set params.epochs=1`);
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

async function printDiagnostics(diagnostics: readonly Diagnostic[]): Promise<void> {
  if (diagnostics.length === 0) return;
  const color = wantsColor(process.env, process.stderr);
  const text = renderDiagnostics(diagnostics, await readSources(diagnostics), { color });
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  const summary = errors > 0 ? `\n\n${errors} ${errors === 1 ? 'error' : 'errors'}` : '';
  process.stderr.write(`${text}${summary}\n`);
}
