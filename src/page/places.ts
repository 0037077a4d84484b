import type { Table } from '../engine/step.js';
import type { StepData } from './run-data.js';

/** In which section a table that a step showed stands: in one and only one. */
export type TablePlace = 'samples' | 'results' | 'data' | 'other';

export function placeOf({ results }: StepData, { about }: Table): TablePlace {
  if (about === 'samples') return 'samples';
  const has = (kind: string): boolean => results.some((output) => output.kind === kind);
  return has('report') ? 'results' : has('dataset') ? 'data' : 'other';
}
