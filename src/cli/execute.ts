import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunControl } from '../engine/control.js';
import { fileName } from '../engine/files.js';
import { type RunRecord, readRun } from '../engine/journal.js';
import { LocalExecutor } from '../engine/local-executor.js';
import type { Place, Plan } from '../engine/plan.js';
import type { Registry } from '../engine/registry.js';
import { renderDiagnostics } from '../engine/render-diagnostic.js';
import { runPlan } from '../engine/run.js';
import { readSources } from '../engine/source.js';
import { clean } from '../ui/format.js';
import { chooseReporter, type ReporterName, wantsColor } from '../ui/reporter.js';
import { emptyView, reduce, type View } from '../ui/view.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { STATE } from './plan.js';
import { handleSignals } from './signals.js';

export interface ExecuteOptions {
  readonly reporter: ReporterName;
  readonly set: readonly string[];
  readonly threads?: number | undefined;
  /** Id of the run to go on with. */
  readonly resume?: string;
}

/** Runs a plan with a reporter, and says at the end what to do if it did not go well. */
export async function execute(plan: Plan, registry: Registry, options: ExecuteOptions): Promise<ExitCode> {
  const control = new RunControl();
  const release = handleSignals(control);
  const reporter = await chooseReporter(options.reporter, process.env, process.stdout);
  let view = emptyView;
  try {
    const result = await runPlan(plan, {
      root: STATE,
      registry,
      executor: ({ store, logs }) =>
        new LocalExecutor({ worker: fileURLToPath(new URL('./worker.js', import.meta.url)), store, logs }),
      emit: (event) => {
        view = reduce(view, event);
        reporter.event(event);
      },
      set: options.set,
      control,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.resume === undefined ? {} : { resume: options.resume }),
    });
    await reporter.close();
    if (result.status === 'locked') throw new UsageError(result.message);
    await report(result.run, registry, options.reporter !== 'json');
    if (result.status === 'ok') return EXIT.ok;
    const lines = [...(await failures(view)), 'Go on with: recipe resume'];
    process.stderr.write(`\n${lines.join('\n')}\n`);
    return result.status === 'failed' ? EXIT.failed : EXIT.interrupted;
  } finally {
    await reporter.close();
    release();
  }
}

/** Writes the run's report. That it cannot be written is no failure of the run. @param told where it is */
async function report(run: string, registry: Registry, told: boolean): Promise<void> {
  try {
    const { writeReport } = await import('./write-report.js');
    const file = await writeReport((await readRun(STATE, run)) as RunRecord, registry);
    if (told) process.stdout.write(`  report → ${file}\n`);
  } catch (error) {
    process.stderr.write(`warning: the report of this run could not be written: ${(error as Error).message}\n`);
  }
}

/** Which steps failed, why, what to do, where in the recipe if that is known, and where each one's log is. */
async function failures(view: View): Promise<string[]> {
  const lines: string[] = [];
  for (const { id, uses, state, failure } of view.steps.values()) {
    if (state !== 'failed' || !failure) continue;
    const message = `step "${clean(id)}" (${clean(uses)}) failed: ${clean(failure.message)}`;
    const hint = failure.hint && clean(failure.hint);
    const log = `  log: ${logOf(view.run, id)}`;
    if (failure.place) lines.push(await located(view.recipe, failure.place, failure.reason, message, hint), log);
    else lines.push(`error: ${message}`, ...(hint ? [`  ${hint}`] : []), log);
  }
  return lines;
}

/** A failure as the errors of a recipe are shown, with the line that it is about. */
async function located(recipe: string, place: Place, code: string, message: string, hint?: string): Promise<string> {
  const file = relative('', recipe) || recipe;
  const diagnostic = { severity: 'error', code, message, ...(hint && { hint }), file, ...place } as const;
  const color = wantsColor(process.env, process.stderr);
  return renderDiagnostics([diagnostic], await readSources([diagnostic]), { color });
}

/** What the step's process printed, or the run's events if it printed nothing. */
function logOf(run: string, step: string): string {
  const folder = join(STATE, 'runs', run);
  const log = join(folder, `${fileName(step)}.log`);
  return existsSync(log) ? log : join(folder, 'events.jsonl');
}
