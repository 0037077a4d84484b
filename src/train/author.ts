import type { Parameters } from '../models/initialize.js';
import { Random } from '../util/random.js';
import type { Learnable } from './examples.js';
import type { Schooling } from './lesson.js';
import type { Live } from './live.js';
import { Rollout, type Rollouts } from './rollouts.js';
import type { Stage } from './stage.js';
import type { Teacher } from './teachers.js';

/** The student as the author of what it learns from. */
export interface Author {
  /**
   * What it writes to the prompts of a batch; undefined where the batch is the data's.
   * @param batch names it: what is drawn follows from that and the seed
   */
  write(examples: Learnable, rows: readonly number[], batch: string): Promise<Rollouts | undefined>;
}

/**
 * The author of a stage that learns from what the student writes; undefined of another stage.
 * @param parameters the student's, which change as it learns
 */
export function authorOf(
  { trainee, seed, runner }: Pick<Schooling, 'trainee' | 'seed' | 'runner'>,
  { onPolicy }: Stage,
  parameters: Parameters,
): Author | undefined {
  if (!onPolicy || !trainee.alone) return undefined;
  const { how, teacher } = onPolicy;
  const { config, teachers } = trainee.alone;
  const { model } = (teachers[teacher] as Teacher).live as Live; // checked before anything is trained
  const rollout = new Rollout(how, { config, parameters }, model, runner, config.eosId as number, config.maxLength);
  return {
    async write(examples, rows, batch) {
      if (new Random(seed, `author ${batch}`).uniform() >= how.share) return undefined;
      const prompts = rows.map((row) => examples.prompt?.(row) as Int32Array);
      return rollout.write(prompts, (prompt) => new Random(seed, `written ${batch} ${prompt}`));
    },
  };
}
