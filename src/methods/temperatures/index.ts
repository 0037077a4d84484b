import type { Tensor } from '../../backend/tf.js';
import type { ParameterSpec } from '../../models/architecture.js';
import type { ScheduleOptions, Temperature } from '../../options/train.js';
import { isSchedule } from '../schedules/index.js';
import { cwsm } from './cwsm.js';
import { flsw } from './flsw.js';
import { learnt } from './learnt.js';
import type { TemperatureInput, TemperatureRule } from './temperature.js';

type Rule = Exclude<Temperature, number | ScheduleOptions>;

/** Every temperature that follows the rows or is learnt: add a module and a line (and its schema to `schemas/temperatures/`). */
const rules = [flsw, cwsm, learnt] as const;

const ruleOf = (options: Rule): TemperatureRule<Rule> =>
  rules.find(({ type }) => type === options.schedule) as TemperatureRule<Rule>;

const isRule = (option: Temperature): option is Rule => typeof option === 'object' && !isSchedule(option);

/** What a temperature learns beside the student. */
export const temperatureParameters = (option: Temperature): Readonly<Record<string, ParameterSpec>> =>
  isRule(option) ? ruleOf(option).parameters(option) : {};

/** The numbers of it that change while a stage is trained. */
export function temperatureSchedules(option: Temperature): Readonly<Record<string, ScheduleOptions>> {
  if (isSchedule(option)) return { temperature: option };
  return isRule(option) ? ruleOf(option).schedules(option) : {};
}

/** A temperature in a graph: a number, a scalar, or one for each row, [rows, 1]. */
export function temperatureAt(option: Temperature, input: TemperatureInput): Tensor | number {
  if (typeof option === 'number') return option;
  return isRule(option) ? ruleOf(option).at(option, input) : (input.scheduled.temperature as Tensor);
}
