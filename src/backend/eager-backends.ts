import { StepFailure } from '../util/failure.js';
import type { Eager } from './runner.js';
import { tf } from './tf.js';

/** The package that registers each eager backend with the tfjs that is already loaded; optional peers, all of them. */
const PACKAGE: Readonly<Record<Eager, string | undefined>> = {
  'tfjs-node': '@tensorflow/tfjs-node',
  'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: undefined,
};

/** @throws StepFailure if the backend's package is missing or does not load */
export async function loadEager(backend: Eager): Promise<void> {
  const name = PACKAGE[backend];
  if (name === undefined) return;
  try {
    await import(name);
  } catch (cause) {
    const [why] = (cause as Error).message.split(/\n| imported from/);
    throw new StepFailure(
      'backend-not-available',
      `backend "${backend}" needs ${name}, which is not installed or does not load: ${why}`,
      `Run: npm install ${name} (see docs/backends.md), or leave out "backend" to run on ONNX Runtime.`,
    );
  }
  if (backend === 'wasm') addSegmentSum();
}

/** What a kernel of tfjs's wasm backend works on. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

/** tfjs's wasm lacks `UnsortedSegmentSum`, the gradient of an embedding: y[ids[i], …] += x[i, …]. */
function addSegmentSum(): void {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return;
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc({ inputs, backend, attrs }) {
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const wasm = backend as unknown as WasmBackend;
      const segments = (attrs as { numSegments: number }).numSegments;
      const out = wasm.makeOutput([segments, ...x.shape.slice(segmentIds.shape.length)], 'float32');
      // Views only now: making the output may grow, and so detach, the memory.
      const [from, ids, sum] = [x, segmentIds, out].map((t) => wasm.typedArrayFromHeap(t)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const width = sum.length / segments;
      sum.fill(0);
      ids.forEach((id, row) => {
        for (let i = 0; i < width; i++) {
          sum[id * width + i] = (sum[id * width + i] as number) + (from[row * width + i] as number);
        }
      });
      return out;
    },
  });
}
