import type { Reporter } from './reporter.js';

/** Every event as one line of JSON. */
export function jsonReporter(write: (text: string) => void): Reporter {
  return {
    event: (event) => write(`${JSON.stringify(event)}\n`),
    async close() {},
  };
}
