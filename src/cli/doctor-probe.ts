/** Measures one backend in a process of its own, for `doctor`: a library that crashes takes nothing else with it. */
import { measureBackend } from '../backend/probe.js';
import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';

export type ProbeResult = { readonly rate: number } | { readonly why: string; readonly hint?: string | undefined };

const [backend, threads] = process.argv.slice(2);
let result: ProbeResult;
try {
  result = { rate: await measureBackend(backend as Backend, Number(threads)) };
} catch (error) {
  const [why = ''] = (error as Error).message.split('\n');
  result = { why, hint: error instanceof StepFailure ? error.hint : undefined };
}
process.send?.(result, () => process.exit(0));
