import { StepFailure } from '../util/failure.js';

/**
 * Sees to it that numbers are some.
 * @param data float32, or the bits of float16
 * @throws StepFailure `not-a-number`
 */
export function checkFinite(name: string, id: string, data: Float32Array | Uint16Array): void {
  const half = data instanceof Uint16Array;
  // The exponent of infinities and of what is no number is all ones.
  const bad = half ? data.findIndex((bits) => (bits & 0x7c00) === 0x7c00) : data.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  throw new StepFailure(
    'not-a-number',
    `the teacher's ${name} of text ${id} hold something that is no number${half ? ', or one too large for float16' : ''}`,
    half
      ? 'Give dtype: float32. If that does not help, the training of the teacher has probably diverged.'
      : 'The training of the teacher has probably diverged: lower its learning rate.',
  );
}
