import { StepFailure } from './failure.js';

/** How ONNX Runtime, V8 and WebAssembly say that there is no memory left. */
const SAID =
  /Failed to allocate memory for requested buffer of size (\d+)|bad_alloc|bad allocation|allocation failed|could not allocate/i;

/** What an allocation that failed becomes; another error stays as it is. */
export function namingMemory(error: unknown): unknown {
  const said = error instanceof Error && SAID.exec(error.message);
  if (!said) return error;
  const size = said[1] ? ` for an array of ${(Number(said[1]) / 1e9).toFixed(1)} GB` : '';
  return new StepFailure(
    'out-of-memory',
    `there is not enough memory${size}`,
    'Lower batch_size (accumulate keeps an update as large), or max_length, or take a smaller model.',
  );
}
