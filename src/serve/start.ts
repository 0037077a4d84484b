import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { ModelProcess } from './model-process.js';
import { ServedModel } from './served-model.js';
import { createServer, type ServerOptions } from './server.js';

export interface ServeOptions extends ServerOptions {
  /** Names, each once, and absolute folders; one at least. */
  readonly models: readonly { readonly id: string; readonly folder: string }[];
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Requests that may wait for a model, at most. */
  readonly maxWaiting: number;
  /** CPU threads of each model. */
  readonly threads: number;
  readonly reproducible: boolean;
  readonly backend: Backend;
  /** Environment of the models' processes. */
  readonly env: NodeJS.ProcessEnv;
  /** One line, for the person who runs the server. */
  readonly log: (line: string) => void;
}

export interface RunningServer {
  /** Of the API, with `/v1`. */
  readonly url: string;
  /** Takes no more requests, and waits for those that it has. */
  stop(): Promise<void>;
}

/** Longest time that requests have to finish. */
const STOP_MS = 10_000;
/** How often connections that have become idle are closed. */
const IDLE_MS = 50;

/**
 * Loads models and serves them.
 * @throws StepFailure if a model cannot be loaded or the address cannot be had
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { models, host, port, maxWaiting, backend, threads, reproducible, env, log } = options;
  const processes = models.map(
    ({ id, folder }) => new ModelProcess(id, { folder, backend, threads, reproducible, env }, log),
  );
  const close = (): void => {
    for (const process of processes) process.close();
  };
  try {
    const served = await Promise.all(
      processes.map(async (process) => {
        const model = new ServedModel(process.name, await process.start(), process, maxWaiting);
        return [process.name, model] as const;
      }),
    );
    const server = createServer(new Map(served), options);
    await server.listen({ host, port });
    const address = server.server.address();
    const actual = typeof address === 'object' && address !== null ? address.port : port;
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/v1`,
      async stop() {
        // A connection that has its answer stays open for the next request, and a server waits for it.
        const idle = setInterval(() => server.server.closeIdleConnections(), IDLE_MS);
        const last = setTimeout(() => server.server.closeAllConnections(), STOP_MS);
        await server.close();
        clearInterval(idle);
        clearTimeout(last);
        close();
      },
    };
  } catch (error) {
    close();
    throw addressFailure(error as NodeJS.ErrnoException, host, port);
  }
}

/** What is wrong with an address; another error stays as it is. */
function addressFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const refuse = (what: string, hint: string): StepFailure => new StepFailure('address', what, hint);
  switch (error.code) {
    case 'EADDRINUSE':
      return refuse(`port ${port} of ${host} is taken`, 'Choose another with --port; --port 0 takes a free one.');
    case 'EACCES':
      return refuse(`port ${port} of ${host} may not be used: ${error.message}`, 'Choose another with --port.');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return refuse(
        `this machine has no address ${host}`,
        'Choose another with --host: 127.0.0.1, or 0.0.0.0 for all.',
      );
    default:
      return error;
  }
}
