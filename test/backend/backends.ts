import type { Backend } from '../../src/backend/runner.js';

/**
 * Backends whose numbers are held to PyTorch's. More, which need a package or a machine that not everybody has, by name:
 *
 *   RECIPE_TEST_BACKENDS=tfjs-node npx vitest run test/models test/methods test/train
 */
export const TESTED: readonly Backend[] = [
  'onnx',
  'cpu',
  'wasm',
  ...((process.env.RECIPE_TEST_BACKENDS ?? '').split(',').filter(Boolean) as Backend[]),
];
