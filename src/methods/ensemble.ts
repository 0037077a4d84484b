import { type Tensor, tf } from '../backend/tf.js';
import type { TeacherSignal } from './objective.js';

/**
 * Answers of several models put together: the log of the mean of their probabilities, as logits [n, classes]; of scores
 * [n, 1] the mean. (KDCL's mean, Guo et al. 2020; the ensembles of Furlanello et al. 2018, arXiv:1805.04770.)
 */
export function meanAnswer(logits: readonly Tensor[]): Tensor {
  const [first] = logits as readonly [Tensor];
  if (logits.length === 1) return first;
  if (first.shape.at(-1) === 1) {
    return tf.div(
      logits.reduce((a, b) => tf.add(a, b)),
      logits.length,
    );
  }
  // log(eᵃ + eᵇ) = a + softplus(b − a)
  const sum = logits.map((each) => tf.logSoftmax(each)).reduce((a, b) => tf.add(a, tf.softplus(tf.sub(b, a))));
  return tf.sub(sum, Math.log(logits.length));
}

/** Several signals as that of one teacher, which has answers and no layers. */
export function ensembleOf(signals: readonly TeacherSignal[]): TeacherSignal {
  const answers = signals.flatMap(({ logits }) => logits ?? []);
  const next = signals.flatMap((signal) => (signal.next?.keep === 'full' ? signal.next.logits : []));
  return {
    logits: answers.length > 0 ? meanAnswer(answers) : undefined,
    hiddenStates: new Map(),
    attentionScores: new Map(),
    values: new Map(),
    next: next.length > 0 ? { keep: 'full', logits: meanAnswer(next) } : undefined,
  };
}
