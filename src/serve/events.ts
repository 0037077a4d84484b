import { Readable } from 'node:stream';
import { ApiError, errorBody, serverError } from './errors.js';

/**
 * Objects as server-sent events, `[DONE]` last. A failure on the way is the last object, since the status has been sent.
 *
 * @param onBug told of what no request should bring about
 */
export function eventStream(objects: AsyncIterable<object>, onBug: (error: unknown) => void): Readable {
  async function* events(): AsyncGenerator<string> {
    try {
      for await (const object of objects) yield `data: ${JSON.stringify(object)}\n\n`;
      yield 'data: [DONE]\n\n';
    } catch (error) {
      // The client has gone.
      if ((error as Error).name === 'AbortError') return;
      if (!(error instanceof ApiError)) onBug(error);
      const { problem } = error instanceof ApiError ? error : serverError('internal error', 'internal_error');
      yield `data: ${JSON.stringify(errorBody(problem))}\n\n`;
    }
  }
  return Readable.from(events());
}
