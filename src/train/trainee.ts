import type { Runner } from '../backend/runner.js';
import type { ParameterSpecs, Part, TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import type { Parameters } from '../models/initialize.js';
import type { Stage as StageOptions } from '../options/train.js';
import type { Average } from './average.js';
import { buildStage, type Stage } from './stage.js';
import type { Teacher } from './teachers.js';
import type { Judge, Metric } from './validate.js';

/** What the loop trains: a model, or several that learn together. */
export interface Trainee {
  /** Its parameters, and where in it they are. */
  readonly specs: ParameterSpecs;
  /** Names of the parameters that stay as they are where these parts are frozen. */
  frozen(parts: readonly Part[]): ReadonlySet<string>;
  /** Tokens that it reads of a text. */
  readonly maxLength: number;
  /**
   * @param key names the stage; no two may share one
   * @throws StepFailure if an objective does not fit
   */
  stage(options: StageOptions, key: string): Stage;
  /** Where one model alone learns: it, and the teachers that are asked. */
  readonly alone?: { readonly config: TransformerConfig; readonly teachers: readonly Teacher[] };
  /** Where several models learn at once, whose a parameter is: each one's gradient is clipped by itself. */
  readonly modelOf?: (parameter: string) => string;
  /** A teacher that follows the model. */
  readonly average?: Average;
  /** How good it is on validation rows. */
  measure(judge: Judge, metric: Metric, runner: Runner, parameters: Parameters): Promise<number>;
}

/** One model, and its teachers. */
export const single = (config: TransformerConfig, teachers: readonly Teacher[]): Trainee => ({
  specs: architectureOf(config).parameters(config),
  frozen: (parts) => frozenNames(parts, config),
  maxLength: config.maxLength,
  alone: { config, teachers },
  stage: (options, key) =>
    buildStage(
      config,
      options,
      teachers.map(({ fit }) => fit),
      key,
      teachers.map(({ live }) => live),
    ),
  measure: (judge, metric, runner, parameters) => judge.measure(metric, runner, config, parameters),
});

/** Layers that share parameters stay together. */
export function frozenNames(freeze: readonly Part[], config: TransformerConfig): ReadonlySet<string> {
  const { parameters, layerPrefix } = architectureOf(config);
  const prefixes = freeze.flatMap((part) => (typeof part === 'number' ? [layerPrefix(config, part)] : []));
  const frozen = Object.entries(parameters(config)).filter(
    ([name, { part }]) => freeze.includes(part) || prefixes.some((prefix) => name.startsWith(prefix)),
  );
  return new Set(frozen.map(([name]) => name));
}
