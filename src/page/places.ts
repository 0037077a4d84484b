import type { Table } from '../engine/step.js';
import type { JsonObject } from '../util/json.js';
import { isObject } from './json.js';
import type { StepData } from './run-data.js';

/** In which section a table that a step showed stands: in one and only one. */
export type TablePlace = 'samples' | 'results' | 'learning-curve' | 'data' | 'other';

export function placeOf({ results }: StepData, { about }: Table): TablePlace {
  if (about === 'samples') return 'samples';
  const reports = results.map(({ files }) => files['report.json']).filter(isObject);
  if (reports.some(isJudgement)) return 'results';
  if (reports.some(isLearningCurve)) return 'learning-curve';
  return results.some(({ kind }) => kind === 'dataset') ? 'data' : 'other';
}

/** Whether a `report.json` is of models that were judged. */
export const isJudgement = ({ models }: JsonObject): boolean => Array.isArray(models) && models.some(isObject);

/** Whether it is of trainings at growing sizes. */
export const isLearningCurve = ({ points, verdict }: JsonObject): boolean =>
  Array.isArray(points) && typeof verdict === 'string';
