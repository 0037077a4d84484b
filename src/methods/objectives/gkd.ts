import type { Gkd } from '../../options/train.js';
import { divergence } from '../divergence.js';
import { weightedMean } from '../means.js';
import { type Continuation, type NextTokens, NOTHING, type Objective } from '../objective.js';
import { sameVocabulary } from '../vocabulary.js';

/**
 * The generalised Jensen–Shannon divergence of the next token's distributions on texts that the student wrote (a share of
 * the batches, λ) or that the data has, mean over their tokens (GKD, Agarwal et al. 2024, arXiv:2306.13649, algorithm 1).
 * Nothing is differentiated through the drawing of tokens.
 */
export const gkd: Objective<Gkd> = {
  type: 'gkd',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, logits: true, lastHiddenState: true }),
  parameters: () => ({}),
  onPolicy: ({ student_share: share, max_tokens: tokens, sampling_temperature: temperature }) => ({
    share,
    alsoData: true,
    tokens,
    temperature,
    mixed: 0,
    discount: 1,
    perToken: false,
  }),
  loss({ beta, rescale, temperature }, { continuation, teacher }) {
    const { logits, weights } = continuation as Continuation;
    const { logits: said } = teacher.next as Extract<NextTokens, { keep: 'full' }>;
    const [own, theirs] = sameVocabulary(logits(), said);
    return weightedMean(divergence({ type: 'jensen-shannon', beta, rescale }, theirs, own, temperature), weights);
  },
};
