import { Float16Array } from '@petamoriken/float16';

/** Rounds float32 numbers to float16 (to nearest even) and gives their bits. */
export function float16Bits(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer as ArrayBuffer);
}

/** Every float16 as a number, by its bits. */
let numbers: Float32Array | undefined;

/** The numbers that float16 bits stand for. */
export function float32Of(bits: Uint16Array): Float32Array {
  numbers ??= Float32Array.from(new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer));
  const found = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) found[i] = numbers[bits[i] as number] as number;
  return found;
}
