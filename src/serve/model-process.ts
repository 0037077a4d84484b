import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { ApiError, serverError } from './errors.js';
import type { Call, FromWorker, ModelInfo, Operation, Operations, Piece, ToWorker } from './protocol.js';

export interface ModelOptions {
  /** Absolute. */
  readonly folder: string;
  readonly backend: Backend;
  readonly threads: number;
  /** What is answered does not depend, in its last bits, on what else is asked meanwhile. */
  readonly reproducible: boolean;
  /** Of the model's process: without the server's key. */
  readonly env: NodeJS.ProcessEnv;
}

interface Pending {
  readonly resolve: (output: Operations[Operation]['output']) => void;
  readonly reject: (error: unknown) => void;
  readonly onPiece: (piece: Piece) => void;
}

export interface Watch {
  /** Once it is aborted the call ends early. */
  readonly signal: AbortSignal;
  readonly onPiece: (piece: Piece) => void;
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/**
 * A model in a process of its own: ONNX Runtime blocks its thread, and what brings down a process (no memory, a crash in
 * native code) takes the server with it otherwise. One that ended is started anew.
 */
export class ModelProcess {
  private child: ChildProcess | undefined;
  private info: Promise<ModelInfo> | undefined;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;
  private closed = false;

  /** @param log one line, for the person who runs the server */
  constructor(
    readonly name: string,
    private readonly options: ModelOptions,
    private readonly log: (line: string) => void,
  ) {}

  /**
   * Waits until the model is loaded; starts its process if there is none.
   * @throws StepFailure if it cannot be loaded
   */
  start(): Promise<ModelInfo> {
    this.info ??= this.launch();
    return this.info;
  }

  /** @throws ApiError if the call fails or the process ends under it */
  async ask<K extends Operation>(call: Call<K>, watch?: Watch): Promise<Operations[K]['output']> {
    try {
      await this.start();
    } catch (error) {
      throw serverError(`The model "${this.name}" cannot be loaded: ${(error as Error).message}`, 'model_not_loaded');
    }
    const id = ++this.calls;
    const cancel = (): void => this.send({ type: 'cancel', id });
    watch?.signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<Operations[K]['output']>((resolve, reject) => {
        this.pending.set(id, {
          resolve: (output) => resolve(output as Operations[K]['output']),
          reject,
          onPiece: watch?.onPiece ?? (() => {}),
        });
        this.send({ type: 'call', id, call: call as Call });
        if (watch?.signal.aborted) cancel();
      });
    } finally {
      this.pending.delete(id);
      watch?.signal.removeEventListener('abort', cancel);
    }
  }

  /** Ends the process, whatever it does. */
  close(): void {
    this.closed = true;
    this.child?.kill('SIGKILL');
  }

  private send(message: ToWorker): void {
    // An error means that the process is ending; its exit is what counts.
    if (this.child?.connected) this.child.send(message, () => {});
  }

  private launch(): Promise<ModelInfo> {
    const { folder, backend, threads, reproducible, env } = this.options;
    return new Promise((resolve, reject) => {
      const child = fork(WORKER, [folder, backend, String(threads), String(reproducible)], {
        // Standard output is for the server's one line.
        stdio: ['ignore', 2, 2, 'ipc'],
        // Embeddings travel as they are.
        serialization: 'advanced',
        env,
        // A group of its own: Ctrl-C in the terminal is for the server.
        detached: process.platform !== 'win32',
      });
      this.child = child;
      let loaded = false;
      child.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          loaded = true;
          resolve(message.info);
        } else if (message.type === 'refused') {
          reject(new StepFailure(message.reason, message.message, message.hint));
          child.kill('SIGKILL');
        } else this.receive(message);
      });
      const gone = (how: string): void => {
        // A process that cannot be started tells of an error, others of an exit, some of both.
        if (this.child !== child) return;
        this.child = undefined;
        this.info = undefined;
        reject(new StepFailure('model-process', `its process ${how} while it was being loaded`));
        const error = serverError(`The process of the model "${this.name}" ${how} while it answered.`, 'model_died');
        for (const { reject: fail } of this.pending.values()) fail(error);
        if (!loaded || this.closed) return;
        this.log(`warning: the process of the model "${this.name}" ${how}; a new one is started`);
        this.start().catch((problem: Error) => {
          // The next request tries again.
          this.log(`warning: the model "${this.name}" cannot be loaded: ${problem.message}`);
        });
      };
      child.on('error', (error) => gone(`failed: ${error.message}`));
      child.on('exit', (code, signal) =>
        gone(signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`),
      );
    });
  }

  private receive(message: Exclude<FromWorker, { type: 'ready' | 'refused' }>): void {
    const pending = this.pending.get(message.id);
    if (message.type === 'piece') pending?.onPiece(message.piece);
    else if (message.type === 'done') pending?.resolve(message.output);
    else pending?.reject(new ApiError(message.problem));
  }
}
