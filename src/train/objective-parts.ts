import type { HostTensor, HostTensors } from '../backend/runner.js';
import type { Wanted } from '../data/logits.js';
import { objectiveOf, teacherOf } from '../methods/index.js';
import type { Fit, Needs, Objective, OnPolicy } from '../methods/objective.js';
import { scheduledAt } from '../methods/schedules/index.js';
import { weightAt, weightParameters } from '../methods/weights.js';
import type { Head, ParameterSpec } from '../models/architecture.js';
import type { Objective as ObjectiveOptions } from '../options/train.js';
import { scalar, scheduledFeed, weightFeed } from './feeds.js';

/** An objective as a stage has it: with the teacher that it learns from, and what it needs. */
export interface ObjectivePart {
  readonly entry: ObjectiveOptions;
  readonly objective: Objective<ObjectiveOptions>;
  readonly place: number | undefined;
  /** By what its weight is multiplied: 1, or less where it is one of several that are averaged. */
  readonly factor: number;
  readonly fit: Fit | undefined;
  readonly prefix: string;
  readonly needs: Needs;
  readonly specs: Readonly<Record<string, ParameterSpec>>;
  readonly schedules: NonNullable<ReturnType<NonNullable<Objective<ObjectiveOptions>['schedules']>>>;
}

/** What is wanted of a teacher. */
export interface Asked extends Wanted {
  /** At which a cache of next tokens is read. */
  readonly temperature: number;
}

/** How the student writes what it learns from, and the place of the teacher that judges it. */
export interface Writing {
  readonly how: OnPolicy;
  readonly teacher: number;
}

/**
 * @param fits each teacher and the student side by side
 * @param factors by what their weights are multiplied; without it, 1
 * @throws StepFailure if an objective does not fit the two models
 */
export const partsOf = (
  entries: readonly ObjectiveOptions[],
  head: Head,
  fits: readonly Fit[],
  factors?: readonly number[],
): ObjectivePart[] =>
  entries.map((entry, i): ObjectivePart => {
    const objective = objectiveOf(entry, head);
    const place = teacherOf(entry);
    const fit = place === undefined ? undefined : fits[place];
    return {
      entry,
      objective,
      place,
      factor: factors?.[i] ?? 1,
      fit,
      prefix: `objective.${i}.`,
      needs: objective.needs(entry, fit),
      specs: { ...objective.parameters(entry, fit), ...weightParameters(entry.weight) },
      schedules: objective.schedules?.(entry) ?? {},
    };
  });

const ascending = (layers: readonly number[]): number[] => [...new Set(layers)].sort((a, b) => a - b);

/** What objectives want of each of so many teachers. */
export const wantedOf = (parts: readonly ObjectivePart[], teachers: number): Asked[] =>
  Array.from({ length: teachers }, (_, place): Asked => {
    const own = parts.filter((p) => p.place === place);
    const temperatures = own.flatMap(({ entry }) => (entry.type === 'soft-label' ? [entry.temperature] : []));
    return {
      logits: own.some((p) => p.needs.logits),
      hiddenStates: ascending(own.flatMap((p) => p.needs.hiddenStates)),
      attention: ascending(own.flatMap((p) => p.needs.attention)),
      values: ascending(own.flatMap((p) => p.needs.values)),
      vectors: own.some((p) => p.needs.vectors === true),
      temperature: temperatures.find((each) => typeof each === 'number') ?? 1,
    };
  });

/**
 * Each objective's weight, and what else of it follows a schedule.
 * @param first number of the first of them, among all that are trained at once
 */
export function numbersAt(
  parts: readonly ObjectivePart[],
  first: number,
  progress: number,
  written: boolean,
): HostTensors {
  const numbers: Record<string, HostTensor> = {};
  for (const [i, { entry, objective, factor, schedules }] of parts.entries()) {
    const own = objective.onPolicy?.(entry);
    const counts = written ? own !== undefined : own === undefined || own.alsoData;
    numbers[weightFeed(first + i)] = scalar(counts ? factor * weightAt(entry.weight, progress) : 0);
    for (const [name, schedule] of Object.entries(schedules)) {
      numbers[scheduledFeed(first + i, name)] = scalar(scheduledAt(schedule, progress));
    }
  }
  return numbers;
}

export function writingOf(parts: readonly ObjectivePart[]): Writing | undefined {
  const [first] = parts.flatMap(({ entry, objective, place }) => {
    const how = objective.onPolicy?.(entry);
    return how && place !== undefined ? [{ how, teacher: place }] : [];
  });
  return first;
}

/** What a loss is called: objectives of one type are told apart by their order. */
export function namesOf(entries: readonly ObjectiveOptions[]): string[] {
  const types = entries.map(({ type }) => type as string);
  return types.map((type, i) => {
    const several = types.indexOf(type) !== types.lastIndexOf(type);
    return several ? `${type} ${types.slice(0, i + 1).filter((other) => other === type).length}` : type;
  });
}
