import { expect, test } from 'vitest';
import { eagerRunner } from '../../src/backend/eager-runner.js';
import { measureBackend } from '../../src/backend/probe.js';

test('a GPU backend that is not installed is named, with what to do', async () => {
  await expect(eagerRunner('tfjs-node-gpu')).rejects.toMatchObject({
    name: 'StepFailure',
    reason: 'backend-not-available',
    message: expect.stringMatching(/^backend "tfjs-node-gpu" needs @tensorflow\/tfjs-node-gpu, which is not installed/),
    hint: 'Run: npm install @tensorflow/tfjs-node-gpu (see docs/backends.md), or leave out "backend" to run on ONNX Runtime.',
  });
});

test.each(['onnx-dml', 'onnx-coreml'] as const)('%s does not run on the CPU behind your back', async (backend) => {
  const name = backend.slice('onnx-'.length);
  const elsewhere = { dml: 'win32', coreml: 'darwin' }[name];
  if (process.platform === elsewhere) return;
  await expect(measureBackend(backend, 1)).rejects.toMatchObject({
    reason: 'backend-not-available',
    message: expect.stringMatching(`has no execution provider "${name}", only cpu`),
  });
});

test.each(['onnx', 'wasm', 'cpu'] as const)('%s is measured, and computes what it should', async (backend) => {
  expect(await measureBackend(backend, 2)).toBeGreaterThan(0.01);
});
