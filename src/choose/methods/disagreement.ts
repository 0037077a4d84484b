import type { Disagreement } from '../../options/choose-data.js';
import { defineMethod } from '../method.js';
import { byOpinions } from '../opinions.js';

/** The mean over the models of KL(model ‖ mean of all), in nats. */
export function meanDivergence(opinions: readonly Float64Array[]): number {
  const labels = (opinions[0] as Float64Array).length;
  let sum = 0;
  for (let k = 0; k < labels; k++) {
    const mean = opinions.reduce((total, logs) => total + Math.exp(logs[k] as number), 0) / opinions.length;
    for (const logs of opinions) {
      const log = logs[k] as number;
      if (log > Number.NEGATIVE_INFINITY && mean > 0) sum += Math.exp(log) * (log - Math.log(mean));
    }
  }
  return sum / opinions.length;
}

/** The entropy of the models' votes, in nats. */
export function voteEntropy(opinions: readonly Float64Array[]): number {
  const votes = new Float64Array((opinions[0] as Float64Array).length);
  for (const logs of opinions) {
    const vote = logs.indexOf(Math.max(...logs));
    votes[vote] = (votes[vote] as number) + 1 / opinions.length;
  }
  return -votes.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
}

/** Larger than any difference of divergences, which is at most ln(models): votes decide, and only then the divergence. */
const VOTES_FIRST = 1e6;

export const disagreement = defineMethod<Disagreement>({
  type: 'disagreement',
  logits: 'several',
  choose: (task, { measure }) =>
    byOpinions(task, (opinions) =>
      measure === 'kl' ? meanDivergence(opinions) : VOTES_FIRST * voteEntropy(opinions) + meanDivergence(opinions),
    ),
});
