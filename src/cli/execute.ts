import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunControl } from '../engine/control.js';
import { fileName } from '../engine/files.js';
import { LocalExecutor } from '../engine/local-executor.js';
import type { Plan } from '../engine/plan.js';
import type { Registry } from '../engine/registry.js';
import { runPlan } from '../engine/run.js';
import { clean } from '../ui/format.js';
import { chooseReporter, type ReporterName } from '../ui/reporter.js';
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
    if (result.status === 'ok') return EXIT.ok;
    process.stderr.write(`\n${[...failures(view), 'Go on with: recipe resume'].join('\n')}\n`);
    return result.status === 'failed' ? EXIT.failed : EXIT.interrupted;
  } finally {
    await reporter.close();
    release();
  }
}

/** Which steps failed, why, what to do, and where each one's log is. */
function failures(view: View): string[] {
  return [...view.steps.values()].flatMap(({ id, uses, state, failure }) => {
    if (state !== 'failed' || !failure) return [];
    return [
      `error: step "${clean(id)}" (${clean(uses)}) failed: ${clean(failure.message)}`,
      ...(failure.hint ? [`  ${clean(failure.hint)}`] : []),
      `  log: ${logOf(view.run, id)}`,
    ];
  });
}

/** What the step's process printed, or the run's events if it printed nothing. */
function logOf(run: string, step: string): string {
  const folder = join(STATE, 'runs', run);
  const log = join(folder, `${fileName(step)}.log`);
  return existsSync(log) ? log : join(folder, 'events.jsonl');
}
