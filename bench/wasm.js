import { createRunner } from '../dist/backend/runner.js';
import { tf } from '../dist/backend/tf.js';

/** tfjs's own wasm backend, its SIMD build. */
export const wasmRunner = () => createRunner('wasm', 1);

/** What of SIMD and threads the backend uses here: tfjs itself never starts wasm threads in Node. */
export async function wasmFeatures() {
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const threads = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT');
  return `${simd ? 'SIMD' : 'no SIMD'}, ${threads ? 'threads' : 'one thread: tfjs has no wasm threads in Node'}`;
}
