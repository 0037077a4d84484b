import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import type { Shape, StudentType } from './shape.js';

/** Narrower heads than this are not proposed; TinyBERT's are of 26 numbers, BERT's of 64. */
const NARROWEST_HEAD = 8;
/** Widths are a multiple of this: vector units take as many numbers at once. */
const STEP = 4;

/**
 * All widths of a student of that many layers, narrowest first: at most the teacher's, and less where it is as deep. Its
 * feed-forward net is as many times as wide as the hidden states as the teacher's is.
 */
export function shapesOf(teacher: TransformerConfig, type: StudentType, layers: number, heads: number): Shape[] {
  // Rotary positions turn numbers of a head in pairs.
  const unit = lcm(type === 'llama' ? 2 * heads : heads, STEP);
  const least = Math.ceil((NARROWEST_HEAD * heads) / unit);
  const most = Math.floor((teacher.hidden - (layers === teacher.layers ? 1 : 0)) / unit);
  const ownKvHeads = architectureOf(teacher).decoder?.kvHeads(teacher) ?? teacher.heads;
  const kvHeads = type === 'llama' && heads === teacher.heads ? ownKvHeads : heads;
  return Array.from({ length: Math.max(0, most - least + 1) }, (_, i) => {
    const hidden = unit * (least + i);
    const wide = (hidden * teacher.intermediate) / teacher.hidden;
    return { layers, hidden, heads, kvHeads, intermediate: STEP * Math.max(1, Math.round(wide / STEP)) };
  });
}

/** At most so many of a list, its ends and others spread evenly between them. */
export function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  if (count === 1) return all.slice(-1);
  return Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))] as T);
}

function lcm(a: number, b: number): number {
  const gcd = (x: number, y: number): number => (y === 0 ? x : gcd(y, x % y));
  return (a * b) / gcd(a, b);
}
