import type { Uncertain } from '../../options/choose-data.js';
import { defineMethod } from '../method.js';
import { byOpinions } from '../opinions.js';

/** How unsure log-probabilities are; more is less sure. */
export const UNCERTAINTY: Readonly<Record<Uncertain['measure'], (logs: Float64Array) => number>> = {
  /** The second probability less the first. */
  margin(logs) {
    let [first, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const log of logs) {
      if (log > first) [first, second] = [log, first];
      else if (log > second) second = log;
    }
    return Math.exp(second) - Math.exp(first);
  },
  /** In nats. */
  entropy: (logs) => -logs.reduce((sum, log) => sum + (log === Number.NEGATIVE_INFINITY ? 0 : Math.exp(log) * log), 0),
};

export const uncertain = defineMethod<Uncertain>({
  type: 'uncertain',
  logits: 'one',
  choose: (task, { measure }) => byOpinions(task, ([logs]) => UNCERTAINTY[measure](logs as Float64Array)),
});
