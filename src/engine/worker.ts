import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Job } from './executor.js';
import { LocalStore } from './local-store.js';
import type { FromWorker, ToWorker } from './protocol.js';
import type { Registry } from './registry.js';
import { failure, runJob } from './worker-job.js';

/** A process that is larger than this after a job is replaced, so that its memory goes back to the system. */
const LARGEST_REUSED = 2 ** 30;

/** Kills this process once its parent is another: a thread of its own, since a step may block the main one. */
const WATCHDOG = `
  const {workerData} = require('node:worker_threads');
  setInterval(() => { if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL'); }, 200);
`;

/**
 * Serves jobs to the `LocalExecutor` that forked this process, one after another, until it is gone. To be called
 * once, by the entry file of worker processes; its arguments are the store's folder, the parent's pid
 * and the milliseconds between two checkpoints.
 */
export function serveWorker(registry: Registry): void {
  const [folder, parent, checkpointMs] = process.argv.slice(2);
  if (folder === undefined || process.send === undefined) throw new Error('a worker is started by a LocalExecutor');
  const store = new LocalStore(folder);
  const parentPid = Number(parent);
  let stopping: AbortController | undefined;

  // The parent decides what Ctrl-C means.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit(0));
  new Worker(WATCHDOG, { eval: true, workerData: parentPid }).unref();

  const send = (message: FromWorker, sent?: () => void): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
  };
  const run = async (job: Job, controller: AbortController): Promise<void> => {
    const result = await runJob(job, {
      registry,
      store,
      shared: join(dirname(store.root), 'shared'),
      environment: process.env,
      signal: controller.signal,
      emit: (event) => send({ type: 'event', event }),
      owned: () => process.connected && process.ppid === parentPid,
      checkpointMs: Number(checkpointMs),
    });
    stopping = undefined;
    send({ type: 'done', ...result, retire: isLarge() });
  };
  const stray = (error: unknown): void => {
    const { signal } = stopping ?? new AbortController();
    send({ type: 'done', ...failure(error, signal), retire: true }, () => process.exit(1));
  };
  process.on('uncaughtException', stray);
  process.on('unhandledRejection', stray);
  process.on('message', (message: ToWorker) => {
    if (message.type === 'stop') return stopping?.abort();
    stopping = new AbortController();
    void run(message.job, stopping);
  });
}

function isLarge(): boolean {
  if (process.memoryUsage.rss() <= LARGEST_REUSED) return false;
  globalThis.gc?.();
  return process.memoryUsage.rss() > LARGEST_REUSED;
}
