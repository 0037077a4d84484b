import type { ScheduleOptions } from '../../options/train.js';
import { cosine } from './cosine.js';
import { exponential } from './exponential.js';
import { linear } from './linear.js';
import type { Schedule } from './schedule.js';
import { stairs } from './stairs.js';

/** Every schedule: add a module and a line (its schema to `schemas/schedules/`, and a line in `schedule.schema.json`). */
const schedules = [linear, cosine, exponential, stairs] as const;

export const SCHEDULES: readonly string[] = schedules.map(({ type }) => type);

/** Whether an option that may be a number or more is one of these schedules. */
export const isSchedule = (option: unknown): option is ScheduleOptions =>
  typeof option === 'object' &&
  option !== null &&
  'schedule' in option &&
  SCHEDULES.includes(option.schedule as string);

/** @param progress how much of the stage is over: 0 in its first update, 1 in its last */
export function scheduledAt(options: ScheduleOptions, progress: number): number {
  const schedule = schedules.find(({ type }) => type === options.schedule) as Schedule<ScheduleOptions>;
  return schedule.at(options, Math.min(1, progress / options.over));
}
