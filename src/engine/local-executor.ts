import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBody } from './event.js';
import type { Execution, Executor, Job } from './executor.js';
import { fileName } from './files.js';
import { JobLog } from './job-log.js';
import { Redactor } from './secrets.js';
import { type WorkerOptions, WorkerProcess } from './worker-process.js';

const CLOSE_MS = 2000;

/** A checkpoint of a training costs a write of three times the model; a kill costs at most this much work. */
const CHECKPOINT_MS = 15_000;

export interface LocalExecutorOptions extends Omit<WorkerOptions, 'checkpointMs'> {
  /** Folder for what the steps' processes print: `<instance>.log`. */
  readonly logs: string;
  /** Milliseconds between two checkpoints of a step that saves them as it goes. Default: 15 s. */
  readonly checkpointMs?: number;
}

/** Runs jobs in child processes of this one. A process is used again, so that a cheap step costs milliseconds. */
export class LocalExecutor implements Executor {
  private readonly processes = new Set<WorkerProcess>();
  private idle: WorkerProcess[] = [];

  constructor(private readonly options: LocalExecutorOptions) {
    mkdirSync(options.logs, { recursive: true });
  }

  start(job: Job, emit: (event: EventBody) => void): Execution {
    const worker = this.take();
    const redactor = new Redactor(job, process.env);
    const path = join(this.options.logs, `${fileName(job.instance)}.log`);
    const log = new JobLog(path, (text) => redactor.text(text));
    const execution = worker.run(job, log, emit);
    const outcome = execution.outcome.then((result) => {
      if (worker.usable) this.idle.push(worker);
      return result;
    });
    return { outcome, stop: execution.stop, kill: execution.kill };
  }

  async close(): Promise<void> {
    const processes = [...this.processes];
    for (const process of processes) {
      if (this.idle.includes(process)) process.retire();
      else process.kill();
    }
    this.idle = [];
    const timer = setTimeout(() => {
      for (const process of processes) process.kill();
    }, CLOSE_MS);
    await Promise.all(processes.map((process) => process.ended));
    clearTimeout(timer);
  }

  private take(): WorkerProcess {
    for (let worker = this.idle.pop(); worker !== undefined; worker = this.idle.pop()) {
      if (worker.usable) return worker;
    }
    const worker = new WorkerProcess({ checkpointMs: CHECKPOINT_MS, ...this.options });
    this.processes.add(worker);
    void worker.ended.then(() => this.processes.delete(worker));
    return worker;
  }
}
