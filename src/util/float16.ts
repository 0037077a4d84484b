import { Float16Array } from '@petamoriken/float16';

/** Rounds float32 numbers to float16 (to nearest even) and gives their bits. */
export function float16Bits(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer as ArrayBuffer);
}

/** The numbers that float16 bits stand for. */
export function float32Of(bits: Uint16Array): Float32Array {
  return Float32Array.from(new Float16Array(bits.slice().buffer as ArrayBuffer));
}
