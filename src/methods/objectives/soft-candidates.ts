import { type Tensor, tf } from '../../backend/tf.js';
import type { SoftLabel } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { divergence } from '../divergence.js';
import { ownCosines, SCORE_SCALE } from '../match.js';
import { weightedMean } from '../means.js';
import { type Match, NOTHING, type Objective } from '../objective.js';
import { temperatureAt, temperatureParameters, temperatureSchedules } from '../temperatures/index.js';

const FAR = 1e9;

/**
 * T²·KL(softmax(t/T) ‖ softmax(s/T)) over a text's candidates, mean over rows: which of them belongs to it, by the
 * teacher's scores and by 20 times the student's cosines (ColBERTv2, Santhanam et al. 2021, arXiv:2112.01488, §3.2). A
 * text with one candidate says nothing.
 */
export const softCandidates: Objective<SoftLabel> = {
  type: 'soft-label',
  over: () => 'rows',
  needs(options) {
    if (options.divergence.type !== 'forward') {
      throw new StepFailure(
        'not-used',
        'of which candidate belongs to a text the forward KL is learnt, and no other divergence',
        'Leave it out of the soft-label objective.',
      );
    }
    return { ...NOTHING, logits: true, lastHiddenState: true };
  },
  parameters: ({ temperature }) => temperatureParameters(temperature),
  schedules: ({ temperature }) => temperatureSchedules(temperature),
  loss(options, { match, teacher, rows, parameters, scheduled }) {
    // What only fills up is as unlikely to both.
    const away = tf.mul(tf.sub(1, (match as Match).real), FAR);
    const [theirs, own] = [teacher.logits as Tensor, tf.mul(ownCosines(match as Match), SCORE_SCALE)].map((scores) =>
      tf.sub(scores, away),
    ) as [Tensor, Tensor];
    const input = { teacher: theirs, student: own, rows, parameters, scheduled };
    return weightedMean(divergence(options.divergence, theirs, own, temperatureAt(options.temperature, input)), rows);
  },
};
