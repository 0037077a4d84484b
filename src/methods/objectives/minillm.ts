import { tf } from '../../backend/tf.js';
import type { MiniLlm } from '../../options/train.js';
import { kl } from '../divergence.js';
import { weightedMean } from '../means.js';
import { type Continuation, type NextTokens, NOTHING, type Objective, type Policy } from '../objective.js';
import { sameVocabulary } from '../vocabulary.js';

/**
 * MiniLLM (Gu et al. 2024, arXiv:2306.08543): KL(student ‖ teacher) of whole texts, by policy gradient on texts that the
 * student wrote, mean over their tokens t:
 *
 *     w_t · KL(q_t ‖ p_t) − w_t · R_{t+1} · log q(y_t)
 *
 * The first term is the single step, differentiated over the whole vocabulary (eq. 6); of the second the gradient is that
 * of the long run (eq. 5 with the length normalisation of eq. 7): R_{t+1} is what comes after, Σ log p/q, divided by its
 * tokens. w_t is the importance of a token that was drawn from teacher and student together (eq. 8). Its language
 * modelling loss is an objective of its own. Each text is used once, so that PPO's clipping, which the paper's code has,
 * would never act; the code also scales rewards by 0.5 and discounts them by 0.95, which are options here.
 */
export const minillm: Objective<MiniLlm> = {
  type: 'minillm',
  over: () => 'written-tokens',
  needs: () => ({ ...NOTHING, logits: true, lastHiddenState: true }),
  parameters: () => ({}),
  onPolicy: (options) => ({
    share: options.student_share,
    alsoData: false,
    tokens: options.max_tokens,
    temperature: options.sampling_temperature,
    mixed: options.teacher_share,
    discount: options.discount,
    perToken: options.length_normalised,
  }),
  loss({ reward_scale: scale }, { continuation, teacher, policy }) {
    const { logits, losses, weights } = continuation as Continuation;
    const { logits: said } = teacher.next as Extract<NextTokens, { keep: 'full' }>;
    const { returns, importance } = policy as Policy;
    const [own, theirs] = sameVocabulary(logits(), said);
    const single = kl(tf.logSoftmax(own), tf.logSoftmax(theirs));
    // The losses are −log q.
    const long = tf.mul(tf.mul(returns, scale), losses);
    return weightedMean(tf.mul(importance, tf.add(single, long)), weights);
  },
};
