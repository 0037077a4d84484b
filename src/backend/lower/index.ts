import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { fused } from './fused.js';
import { indexing } from './indexing.js';
import { logic } from './logic.js';
import type { Family } from './lowering.js';
import { matmul } from './matmul.js';
import { reduction } from './reduction.js';
import { shaping } from './shaping.js';

/** Every tfjs kernel that can be recorded. */
export const families: readonly Family[] = [
  elementwise,
  logic,
  reduction,
  matmul,
  convolution,
  shaping,
  indexing,
  fused,
];

/** Kernels that only move bytes, cast or compare them. */
export const takesBytes: ReadonlySet<string> = new Set([...Object.keys(shaping), ...Object.keys(logic)]);
