import type { MaskedLm } from '../../options/train.js';
import { weightedMean } from '../means.js';
import { type Continuation, NOTHING, type Objective } from '../objective.js';

/**
 * Cross-entropy with the tokens that are hidden, mean over these (Devlin et al. 2018, arXiv:1810.04805); one of the three
 * losses of DistilBERT (Sanh et al. 2019, arXiv:1910.01108).
 */
export const maskedLm: Objective<MaskedLm> = {
  type: 'masked-lm',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, lastHiddenState: true }),
  parameters: () => ({}),
  loss(_, { continuation }) {
    const { losses, weights } = continuation as Continuation;
    return weightedMean(losses, weights);
  },
};
