import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import type { Backend } from '../backend/runner.js';
import { startServer } from '../serve/start.js';
import { StepFailure } from '../util/failure.js';
import { reportBug } from './bug.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { handleSignals } from './signals.js';

export interface ServeCommandOptions {
  readonly host: string;
  readonly port: number;
  readonly name: readonly string[];
  readonly apiKeyEnv?: string;
  readonly maxBody: number;
  readonly maxWaiting: number;
  readonly threads?: number;
  readonly reproducible?: true;
  readonly backend: Backend;
}

/** `recipe serve <model...>`: until a signal comes, or the process that has a channel to it ends. */
export async function serve(folders: readonly string[], options: ServeCommandOptions): Promise<ExitCode> {
  const { host, port, apiKeyEnv, maxBody, maxWaiting, backend } = options;
  const models = await namedModels(folders, options.name);
  const key = keyFrom(apiKeyEnv);
  const { [apiKeyEnv ?? '']: _, ...env } = process.env;
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const server = await startServer({
    models,
    host,
    port,
    key,
    maxBody,
    maxWaiting,
    threads: options.threads ?? availableParallelism(),
    reproducible: options.reproducible ?? false,
    backend,
    env,
    log,
    onBug: reportBug,
  }).catch((error: unknown) => {
    if (!(error instanceof StepFailure)) throw error;
    throw new UsageError(error.hint ? `${error.message}\n  ${error.hint}` : error.message);
  });
  if (key === undefined && !isLoopback(host)) {
    log(`warning: whoever reaches ${host} can use these models: there is no --api-key-env`);
  }
  const stopped = new Promise<void>((requestStop) => {
    const requestKill = (): void => process.exit(EXIT.interrupted);
    handleSignals({ requestStop, requestKill }, ['SIGINT', 'SIGTERM']);
    // Who started it with a channel wants it for as long as that is open.
    process.on('disconnect', requestStop);
  });
  process.stdout.write(`serving ${models.map(({ id }) => id).join(', ')} at ${server.url}\n`);
  await stopped;
  await server.stop();
  // An open channel would keep the process.
  if (process.connected) process.disconnect();
  return EXIT.ok;
}

async function namedModels(folders: readonly string[], names: readonly string[]) {
  if (names.length > 0 && names.length !== folders.length) {
    throw new UsageError(
      `--name is given ${times(names.length)} for ${folders.length} models: give it once for each, in their order, or not at all`,
    );
  }
  const models = folders.map((folder, i) => ({ id: names[i] ?? basename(resolve(folder)), folder: resolve(folder) }));
  for (const { folder } of models) {
    const found = await stat(folder).catch(() => undefined);
    if (!found?.isDirectory()) throw new UsageError(`there is no folder ${folder}`);
  }
  const twice = models.find(({ id }, i) => models.findIndex((other) => other.id === id) < i);
  if (twice) throw new UsageError(`two models have the name "${twice.id}": give each a --name`);
  return models;
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);

function keyFrom(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable];
  if (!key) throw new UsageError(`--api-key-env ${variable}: the environment variable is not set`);
  return key;
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);
