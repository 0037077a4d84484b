import type { Json, JsonObject } from '../util/json.js';
import { isObject, numberOf, objectsOf, textOf } from './json.js';
import { isJudgement } from './places.js';
import type { RunData, StepData } from './run-data.js';

/** What a step found out about models, as its `report.json` has it. */
export interface FoundReport {
  readonly step: StepData;
  readonly report: JsonObject;
  readonly title: string;
  readonly models: readonly JsonObject[];
}

/** The reports of a run, in the plan's order. */
export const reportsOf = ({ steps }: RunData): FoundReport[] =>
  steps.flatMap((step) =>
    step.results.flatMap(({ files }) => {
      const report = files['report.json'];
      if (!isObject(report) || !isJudgement(report)) return [];
      return [{ step, report, title: textOf(report.title) ?? step.id, models: objectsOf(report.models) }];
    }),
  );

export const nameOf = (model: JsonObject): string => textOf(model.name) ?? '';

/** A figure and its interval, found in a report of a model. */
export interface Found {
  /** Where it was found: `retention, macro F1`. */
  readonly path: readonly string[];
  readonly value: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** Every figure of a model that has an interval: `{ value, interval }`, or a number beside `<name>_interval`. */
export function intervalsOf(value: Json | undefined, path: readonly string[] = []): Found[] {
  if (!isObject(value)) return [];
  const interval = value.interval;
  const own = numberOf(value.value);
  if (own !== undefined && isObject(interval)) return [{ path, value: own, ...ends(interval) }];
  return Object.entries(value).flatMap(([name, part]) => {
    const beside = value[`${name}_interval`];
    const number = numberOf(part);
    if (number !== undefined && isObject(beside)) return [{ path: [...path, name], value: number, ...ends(beside) }];
    return intervalsOf(part, [...path, name]);
  });
}

const ends = ({ low, high }: JsonObject): Pick<Found, 'low' | 'high'> => ({ low: numberOf(low), high: numberOf(high) });

/** Parts of a model's report by their name, wherever they are: `confusion`, `calibration`. */
export function partsNamed(value: Json | undefined, name: string): Json[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, part]) => (key === name ? [part] : partsNamed(part, name)));
}
