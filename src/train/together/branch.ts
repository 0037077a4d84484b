import type { Tensors } from '../../backend/runner.js';
import { type Tensor, tf } from '../../backend/tf.js';
import { weighted, weightParameters } from '../../methods/weights.js';
import type { ParameterSpec, ParameterSpecs, TransformerConfig } from '../../models/architecture.js';
import { architectureOf } from '../../models/architectures.js';
import type { Parameters } from '../../models/initialize.js';
import { StepFailure } from '../../util/failure.js';
import type { Stage } from '../stage.js';

/** One of several tasks that share an encoder: with it and its own head, a model of its own. */
export interface Branch {
  /** Of the task. */
  readonly name: string;
  readonly config: TransformerConfig;
  /** Names of its parameters in the whole, by its own: the encoder's are the same, those of its head are not. */
  readonly names: Readonly<Record<string, string>>;
}

export const branchOf = (name: string, config: TransformerConfig): Branch => ({
  name,
  config,
  names: Object.fromEntries(
    Object.entries(specsOf(config)).map(([own, { part }]) => [own, part === 'head' ? prefixOf(name) + own : own]),
  ),
});

const specsOf = (config: TransformerConfig): ParameterSpecs => architectureOf(config).parameters(config);
const prefixOf = (name: string): string => `task.${name}.`;

/**
 * The parameters of all branches, the encoder's once.
 * @throws StepFailure `task` if two have other encoders
 */
export function branchSpecs(branches: readonly Branch[]): ParameterSpecs {
  const all: Record<string, ParameterSpecs[string]> = {};
  const encoderOf = ({ config, names }: Branch): string =>
    Object.entries(specsOf(config))
      .flatMap(([own, { shape }]) => (names[own] === own ? [`${own} ${shape}`] : []))
      .sort()
      .join();
  for (const branch of branches) {
    const [first] = branches as readonly [Branch];
    if (encoderOf(branch) !== encoderOf(first)) {
      const message = `task "${branch.name}" would read with another encoder than task "${first.name}"`;
      throw new StepFailure('task', message, 'Train it by itself.');
    }
    for (const [own, spec] of Object.entries(specsOf(branch.config))) all[branch.names[own] as string] = spec;
  }
  return all;
}

/** A branch's parameters among those of the whole. */
export const joinedTo = ({ names }: Branch, own: Parameters): Parameters =>
  Object.fromEntries(Object.entries(own).map(([name, tensor]) => [names[name] as string, tensor]));

/** A branch's parameters as a model of its own. */
export const branchParameters = ({ names }: Branch, whole: Parameters): Parameters =>
  Object.fromEntries(Object.entries(names).map(([own, name]) => [own, whole[name] as Parameters[string]]));

/** How a task counts among the others. */
export interface Weighing {
  readonly weight: number;
  /** Its weight is learnt besides, by its uncertainty. */
  readonly learnt: boolean;
}

/**
 * A task's stage, with the names of the whole: weight · loss, or weight · (exp(−s) · loss + s/2) with s = log σ² learnt
 * (Kendall et al. 2018, arXiv:1705.07115). The objectives' own losses are told as they are.
 *
 * @param stage of the branch alone
 */
export function branchStage(stage: Stage, { name: task, names }: Branch, { weight, learnt }: Weighing): Stage {
  const prefix = prefixOf(task);
  const kind = learnt ? ({ schedule: 'uncertainty' } as const) : 1;
  const weighing = weightParameters(kind);
  const specs: Record<string, ParameterSpec> = { ...stage.specs, ...weighing };
  const call = (parameters: Tensors, batch: Tensors): Tensors => {
    const taken = (all: Readonly<Record<string, string>>): Tensors =>
      Object.fromEntries(Object.entries(all).map(([own, whole]) => [own, parameters[whole] as Tensor]));
    const same = (from: object): Record<string, string> =>
      Object.fromEntries(Object.keys(from).map((own) => [own, own]));
    const learnt = Object.fromEntries(Object.keys(specs).map((own) => [own, prefix + own]));
    const own = { ...taken(same(stage.fixed)), ...taken(names), ...taken(learnt) };
    const { loss, ...losses } = stage.fn.call(own, batch);
    // One task with weight 1 is computed as it would be alone.
    const counts = kind === 1 && weight === 1;
    return { loss: counts ? (loss as Tensor) : weighted(kind, loss as Tensor, tf.scalar(weight), own), ...losses };
  };
  return {
    ...stage,
    fn: { ...stage.fn, call },
    specs: Object.fromEntries(Object.entries(specs).map(([own, spec]) => [prefix + own, spec])),
    losses: stage.losses.map(({ name }) => ({ name: `${task} ${name}`, model: 0 })),
  };
}
