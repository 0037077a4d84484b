import type { Section } from '../section.js';
import { asked } from './asked.js';
import { calibration } from './calibration.js';
import { confusion } from './confusion.js';
import { cost } from './cost.js';
import { coverage } from './coverage.js';
import { data } from './data.js';
import { failures } from './failures.js';
import { learningCurve } from './learning-curve.js';
import { provenance } from './provenance.js';
import { results } from './results.js';
import { samples } from './samples.js';
import { steps } from './steps.js';
import { tables } from './tables.js';
import { training } from './training.js';

/** The report's sections in their order. To add one: a module here, and its line. */
export const sections: readonly Section[] = [
  failures,
  asked,
  results,
  confusion,
  calibration,
  cost,
  samples,
  training,
  data,
  coverage,
  learningCurve,
  steps,
  tables,
  provenance,
];
