import type { HardLabel } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { type Continuation, NOTHING, type Objective } from '../objective.js';

/** Cross-entropy with the tokens of the responses and their ends, mean over these tokens. */
export const hardResponse: Objective<HardLabel> = {
  type: 'hard-label',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, lastHiddenState: true }),
  parameters: () => ({}),
  loss(_, { continuation }) {
    const { losses, weights } = continuation as Continuation;
    return weightedMean(losses, weights);
  },
};
