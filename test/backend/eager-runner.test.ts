import { expect, test } from 'vitest';
import { eagerRunner } from '../../src/backend/eager-runner.js';

test('a GPU backend that is not installed is named, with what to do', async () => {
  await expect(eagerRunner('tfjs-node-gpu')).rejects.toMatchObject({
    name: 'StepFailure',
    reason: 'backend-not-available',
    message: expect.stringMatching(/^backend "tfjs-node-gpu" needs @tensorflow\/tfjs-node-gpu, which is not installed/),
    hint: 'npm install @tensorflow/tfjs-node-gpu, or leave out "backend" to run on the CPU',
  });
});
