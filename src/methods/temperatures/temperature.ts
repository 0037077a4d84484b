import type { Tensors } from '../../backend/runner.js';
import type { Tensor } from '../../backend/tf.js';
import type { ParameterSpec } from '../../models/architecture.js';
import type { ScheduleOptions } from '../../options/train.js';

/** What a temperature may go by. */
export interface TemperatureInput {
  /** Logits of the student and of the teacher: [rows, classes]. */
  readonly student: Tensor;
  readonly teacher: Tensor;
  /** 1 for a row that counts: [rows]. */
  readonly rows: Tensor;
  /** Parameters by the names of `parameters`; scalars by the names of `schedules`. */
  readonly parameters: Tensors;
  readonly scheduled: Tensors;
}

/** A temperature that is more than a number or a schedule. `Options` is its entry in a recipe. */
export interface TemperatureRule<Options> {
  /** The value of `schedule`. */
  readonly type: string;
  /** What is learnt beside the student. */
  parameters(options: Options): Readonly<Record<string, ParameterSpec>>;
  /** Numbers of its own that change while a stage is trained. */
  schedules(options: Options): Readonly<Record<string, ScheduleOptions>>;
  /** A scalar, or one for each row: [rows, 1]. No gradient passes through it to the student. */
  at(options: Options, input: TemperatureInput): Tensor;
}
