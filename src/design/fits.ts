import { objectiveOf, teacherOf } from '../methods/index.js';
import type { Head, TransformerConfig } from '../models/architecture.js';
import { valueShape } from '../models/values.js';
import type { Objective } from '../options/design-student.js';
import { StepFailure } from '../util/failure.js';
import type { Shape } from './shape.js';

/** Objectives that a student is to learn by, and the teacher of those that have one. */
export interface Lessons {
  readonly objectives: readonly Objective[];
  readonly head: Head;
  readonly teacher: TransformerConfig;
}

/**
 * Why an objective does not fit a student: its layer map, or the number of heads. Undefined if all do.
 * @throws StepFailure for an objective that makes no sense for the task, whatever the student
 */
export function misfit({ objectives, head, teacher }: Lessons, shape: Shape): string | undefined {
  const fit = {
    layers: { student: shape.layers, teacher: teacher.layers },
    studentHidden: shape.hidden,
    teacherHidden: teacher.hidden,
    studentHeads: shape.heads,
    teacherHeads: teacher.heads,
    studentValues: { heads: shape.kvHeads, width: shape.hidden / shape.heads },
    teacherValues: valueShape(teacher),
  };
  for (const [i, entry] of objectives.entries()) {
    const objective = located(`/objectives/${i}`, () => objectiveOf(entry, head));
    // Others have a teacher that is not here.
    if (teacherOf(entry) !== 0) continue;
    try {
      objective.needs(entry, fit);
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      return error.message;
    }
  }
  return undefined;
}

function located<T>(pointer: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    throw new StepFailure(error.reason, error.message, error.hint, pointer);
  }
}
