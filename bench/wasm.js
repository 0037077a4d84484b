import '@tensorflow/tfjs-backend-wasm';
import { EagerRunner } from '../dist/backend/eager-runner.js';
import { tf } from '../dist/backend/tf.js';

/** tfjs's own wasm backend, its SIMD build, and the one kernel that it lacks for training BERT. */
export async function wasmRunner() {
  tf.registerKernel({ kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: unsortedSegmentSum });
  await tf.setBackend('wasm');
  return new EagerRunner('wasm');
}

/** What of SIMD and threads the backend uses here: tfjs itself never starts wasm threads in Node. */
export async function wasmFeatures() {
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  const threads = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT');
  return `${simd ? 'SIMD' : 'no SIMD'}, ${threads ? 'threads' : 'one thread: tfjs has no wasm threads in Node'}`;
}

/** y[segmentIds[i], …] += x[i, …] over the leading axes of `x` that `segmentIds` has. */
function unsortedSegmentSum({ inputs: { x, segmentIds }, backend, attrs: { numSegments } }) {
  const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)];
  const out = backend.makeOutput(shape, 'float32');
  // Views only now: making the output may grow, and so detach, the memory.
  const [from, ids, sum] = [x, segmentIds, out].map((t) => backend.typedArrayFromHeap(t));
  const width = sum.length / numSegments;
  sum.fill(0);
  for (let i = 0; i < ids.length; i++) {
    const to = ids[i] * width;
    for (let j = 0, at = i * width; j < width; j++, at++) sum[to + j] += from[at];
  }
  return out;
}
