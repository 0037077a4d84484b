/**
 * The process of one model: it loads it and answers, while the server's own process stays free. Arguments: the model's
 * folder, the backend, threads, and whether it is to be reproducible.
 */
import type { Backend } from '../backend/runner.js';
import { StepFailure } from '../util/failure.js';
import { ApiError, type Problem, serverError } from './errors.js';
import { loadModel } from './load.js';
import type { Call, CallContext, FromWorker, LocalModel, Operation, Operations, ToWorker } from './protocol.js';

/** What needs no model can be done while another call computes, and texts that are written take their steps together. */
const AT_ONCE: readonly Operation[] = ['chat', 'tokenize', 'generate'];

const running = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

const send = (message: FromWorker): void => {
  process.send?.(message);
};

function perform<K extends Operation>(
  model: LocalModel,
  operation: K,
  input: Operations[K]['input'],
  context: CallContext,
): Promise<Operations[K]['output']> {
  const operate = model.operations[operation];
  if (operate === undefined) throw new Error(`a ${model.info.kind} cannot ${operation}`);
  return operate(input, context);
}

async function answer(model: LocalModel, id: number, call: Call): Promise<void> {
  const controller = running.get(id) as AbortController;
  const context: CallContext = { signal: controller.signal, piece: (piece) => send({ type: 'piece', id, piece }) };
  try {
    send({ type: 'done', id, output: await perform(model, call.operation, call.input, context) });
  } catch (error) {
    send({ type: 'failed', id, problem: problemOf(error) });
  } finally {
    running.delete(id);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof StepFailure) return serverError(error.message, error.reason.replaceAll('-', '_')).problem;
  console.error(error);
  return serverError('The model has failed: a bug in recipe. The server printed its stack.', 'internal_error').problem;
}

function listen(model: LocalModel): void {
  process.on('message', (message: ToWorker) => {
    const { id } = message;
    if (message.type === 'cancel') {
      running.get(id)?.abort();
      return;
    }
    running.set(id, new AbortController());
    const start = (): Promise<void> => answer(model, id, message.call);
    if (AT_ONCE.includes(message.call.operation)) void start();
    else last = last.then(start);
  });
}

// The server has ended.
process.on('disconnect', () => process.exit());
// Ctrl-C is for the server.
process.on('SIGINT', () => {});

const [folder, backend, threads, reproducible] = process.argv.slice(2) as [string, Backend, string, string];
try {
  const model = await loadModel(folder, backend, Number(threads), reproducible === 'true');
  listen(model);
  send({ type: 'ready', info: model.info });
} catch (error) {
  const known = error instanceof StepFailure;
  const message = known ? error.message : `the model of ${folder} cannot be loaded: ${(error as Error).message}`;
  // The server ends this process once it has read that.
  send({ type: 'refused', reason: known ? error.reason : 'not-loaded', message, hint: known ? error.hint : undefined });
}
