import type { Fit } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { valueShape } from '../models/values.js';

/** Two models side by side. */
export const fitBetween = (student: TransformerConfig, teacher: TransformerConfig): Fit => ({
  layers: { student: student.layers, teacher: teacher.layers },
  studentHidden: student.hidden,
  teacherHidden: teacher.hidden,
  studentHeads: student.heads,
  teacherHeads: teacher.heads,
  studentValues: valueShape(student),
  teacherValues: valueShape(teacher),
});
