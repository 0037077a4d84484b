import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventBody } from './event.js';
import type { Execution, Job, JobOutcome } from './executor.js';
import type { JobLog } from './job-log.js';
import type { FromWorker, ToWorker } from './protocol.js';

/** How long to wait for the last output of a process that ended; a grandchild may hold the pipe open. */
const LAST_OUTPUT_MS = 500;

export interface WorkerOptions {
  /** Absolute path of the file that it runs; it calls `serveWorker`. */
  readonly worker: string;
  /** Folder of the `LocalStore`. */
  readonly store: string;
  /** Milliseconds between two checkpoints of a step that saves them as it goes. */
  readonly checkpointMs: number;
}

/** One job on one process. */
interface Current {
  readonly log: JobLog;
  readonly emit: (event: EventBody) => void;
  readonly end: (outcome: JobOutcome) => void;
  killed: boolean;
}

/** A child process that does one job after another. */
export class WorkerProcess {
  private readonly child: ChildProcess;
  private current: Current | undefined;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** It can take another job. */
  usable = true;

  constructor({ worker, store, checkpointMs }: WorkerOptions) {
    this.child = fork(worker, [store, String(process.pid), String(checkpointMs)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--expose-gc'],
      // A group of its own: Ctrl-C in the terminal is for the parent, also while the child still starts.
      detached: process.platform !== 'win32',
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.current?.log.write('out', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.current?.log.write('err', text));
    this.child.on('message', (message: FromWorker) => this.receive(message));
    this.child.on('error', (error) => {
      this.usable = false;
      void this.finish({ status: 'failed', reason: 'crashed', message: `the step's process failed: ${error.message}` });
    });
    this.ended = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => {
        this.usable = false;
        resolve();
        void this.exited(code, signal);
      });
      this.child.on('error', () => {
        if (this.child.pid === undefined) resolve();
      });
    });
  }

  run(job: Job, log: JobLog, emit: (event: EventBody) => void): Execution {
    const outcome = new Promise<JobOutcome>((end) => {
      this.current = { log, emit, end, killed: false };
    });
    this.send({ type: 'run', job });
    const current = this.current;
    return {
      outcome,
      stop: () => {
        if (this.current === current) this.send({ type: 'stop' });
      },
      kill: () => {
        if (this.current !== current || current === undefined) return;
        current.killed = true;
        this.kill();
      },
    };
  }

  /** Lets the process end by itself, which an idle one does at once. */
  retire(): void {
    this.usable = false;
    if (this.child.connected) this.child.disconnect();
  }

  kill(): void {
    this.usable = false;
    this.child.kill('SIGKILL');
  }

  private send(message: ToWorker): void {
    // An error means that the process is ending; its exit is what counts.
    if (this.child.connected) this.child.send(message, () => {});
  }

  private receive(message: FromWorker): void {
    if (message.type === 'event') {
      this.current?.emit(message.event);
      return;
    }
    if (message.retire) this.retire();
    if (message.stack !== undefined) this.current?.log.write('err', `${message.stack}\n`);
    void this.finish(message.outcome);
  }

  private async exited(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (this.current === undefined) return;
    await Promise.race([
      Promise.all([
        // Its last messages may come after the news of its end.
        this.child.connected && once(this.child, 'disconnect'),
        ...[this.child.stdout, this.child.stderr].map((s) => s && !s.closed && once(s, 'close')),
      ]),
      new Promise((resolve) => setTimeout(resolve, LAST_OUTPUT_MS)),
    ]);
    const current = this.current;
    if (current === undefined) return;
    await this.finish(current.killed ? { status: 'interrupted' } : crash(code, signal, current.log.tail()));
  }

  private async finish(outcome: JobOutcome): Promise<void> {
    const current = this.current;
    if (current === undefined) return;
    // What the process printed before its answer may be read after it: two turns of the loop, and it is here.
    await turn();
    await turn();
    if (this.current !== current) return;
    this.current = undefined;
    await current.log.close();
    const bug = outcome.status === 'failed' && outcome.reason === 'bug';
    current.end(
      bug ? { ...outcome, hint: `This is a fault of the step. Its stack is in ${current.log.path}` } : outcome,
    );
  }
}

/** The outcome of a job whose process ended under it. */
function crash(code: number | null, signal: NodeJS.Signals | null, tail: readonly string[]): JobOutcome {
  const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
  const heap = tail.some((line) => line.includes('JavaScript heap out of memory'));
  const output = tail.length === 0 ? '' : `. Its last output:\n${tail.map((line) => `  ${line}`).join('\n')}`;
  const outcome = { status: 'failed', reason: 'crashed', message: `the step's process ${how}${output}` } as const;
  if (heap) return { ...outcome, hint: 'It ran out of JavaScript memory. Lower batch_size, or give it less data.' };
  if (signal === 'SIGKILL')
    return { ...outcome, hint: 'Most likely the system ran out of memory. Lower batch_size or max_length.' };
  return outcome;
}
