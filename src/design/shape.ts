import type { Head, ParameterSpecs, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import type { DesignStudentOptions } from '../options/design-student.js';

/** Architectures that a recipe can make from scratch. */
export type StudentType = NonNullable<DesignStudentOptions['type']>;

/** What all students that are considered have in common. */
export interface Frame {
  readonly type: StudentType;
  readonly vocabulary: number;
  readonly padId: number;
  readonly head: Head;
  /** 0 unless it is a classifier. */
  readonly labels: number;
  readonly maxLength: number;
  readonly dropout: number;
}

/** What they differ in. */
export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly intermediate: number;
}

/** `4x128` */
export const nameOf = ({ layers, hidden }: Shape): string => `${layers}x${hidden}`;

export const configOf = (frame: Frame, shape: Shape): TransformerConfig =>
  architectureOf(frame).scratch({ ...frame, ...shape });

export const specsOf = (config: TransformerConfig): ParameterSpecs => architectureOf(config).parameters(config);

/** Trainable numbers, embeddings included. */
export const countOf = (specs: ParameterSpecs): number =>
  Object.values(specs).reduce((sum, { shape }) => sum + shape.reduce((size, n) => size * n, 1), 0);

/** Bytes of so many float32. */
export const bytesOf = (parameters: number): number => 4 * parameters;

/** The option `model` of a train step that makes this student. */
export const modelOf = ({ type, maxLength, dropout }: Frame, { kvHeads, ...shape }: Shape) => ({
  type,
  ...shape,
  ...(type === 'llama' && { kv_heads: kvHeads }),
  // All layers share their parameters.
  ...(type === 'albert' && { groups: 1 }),
  max_length: maxLength,
  dropout,
});
