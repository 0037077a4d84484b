import type { StepContext } from '../../engine/step.js';
import type { TransformerModel } from '../../models/checkpoint.js';
import type { Setting } from '../setting.js';
import { isBetter, type Metric } from '../validate.js';

/**
 * Which of some models the last stage's validation rows like best; undefined where there are none.
 * @param called what one of them is called, `peer`
 */
export async function bestOf(
  models: readonly Pick<TransformerModel, 'config' | 'parameters'>[],
  { stages, validation, runner }: Setting,
  { log }: Pick<StepContext<unknown>, 'log'>,
  called: string,
): Promise<number | undefined> {
  const judge = validation(stages.length - 1);
  if (!judge) return undefined;
  const metric = stages.at(-1)?.validate?.metric as Metric;
  const values: number[] = [];
  for (const { config, parameters } of models) values.push(await judge.measure(metric, runner, config, parameters));
  const best = values.reduce((so, value, k) => (isBetter(metric, value, values[so] as number) ? k : so), 0);
  const told = values.map((value, k) => `${called} ${k + 1} ${value.toFixed(4)}`).join(', ');
  log('info', `${metric} on the validation rows: ${told}; output "model" is ${called} ${best + 1}`);
  return best;
}
