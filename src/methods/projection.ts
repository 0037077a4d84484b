import { type Tensor, tf } from '../backend/tf.js';
import type { ParameterSpec } from '../models/architecture.js';
import { flat } from '../models/layers.js';
import { StepFailure } from '../util/failure.js';

/** A linear map without a bias, learnt beside the student and thrown away after. */
export const projectionSpec = (from: number, to: number): ParameterSpec => ({
  shape: [to, from],
  initial: 'normal',
  decay: false,
});

/** x · Wᵀ over the last axis of x [batch, length, from]; x itself if there is no W [to, from]. */
export const project = (x: Tensor, weight: Tensor | undefined): Tensor =>
  weight ? flat(x, (rows) => tf.matMul(rows, weight, false, true)) : x;

/** @throws StepFailure `width` if hidden states cannot be compared without a projection */
export function checkSameWidth(objective: string, student: number, teacher: number): void {
  if (student === teacher) return;
  throw new StepFailure(
    'width',
    `objective "${objective}" has projection: none, but the student's hidden states have ${student} numbers and the teacher's ${teacher}`,
    `Leave out projection: none, or give the student hidden: ${teacher}.`,
  );
}
