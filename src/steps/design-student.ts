import { defineStep, one, optional } from '../engine/step.js';
import type { DesignStudentOptions } from '../options/design-student.js';

export const designStudent = defineStep<DesignStudentOptions>({
  name: 'design-student',
  version: 1,
  summary: 'Proposes students that fit a budget and the objectives, counted and measured, and hands one to train',
  inputs: { teacher: one('model'), tokenizer: optional('tokenizer') },
  outputs: { student: 'student-design', report: 'report', timing: 'measurement' },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  run: async (ctx) => (await import('../design/run.js')).run(ctx),
});
