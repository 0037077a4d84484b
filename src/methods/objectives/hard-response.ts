import type { HardLabel } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { NOTHING, type Objective, type WrittenTokens } from '../objective.js';

/** Cross-entropy with the tokens of the responses and their ends, mean over these tokens. */
export const hardResponse: Objective<HardLabel> = {
  type: 'hard-label',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, lastHiddenState: true }),
  parameters: () => ({}),
  loss(_, { written }) {
    const { losses, weights } = written as WrittenTokens;
    return weightedMean(losses, weights);
  },
};
