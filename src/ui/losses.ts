import type { Progress } from '../engine/step.js';
import { mean } from '../util/numbers.js';

/**
 * The losses of a whole training in fewer than `LIMIT` points: when there are so many, neighbours are averaged and from
 * then on each point stands for twice as many reports.
 */
export interface LossHistory {
  /** Oldest first. */
  readonly points: readonly number[];
  /** Reports a point stands for. */
  readonly stride: number;
  /** Reports not yet in a point. */
  readonly pending: readonly number[];
  readonly last?: number;
  readonly phase?: string;
}

/** Even, so that every point has a neighbour. */
const LIMIT = 64;

export const noLosses: LossHistory = { points: [], stride: 1, pending: [] };

/** Takes in the loss of one report, if it has one. Another phase has another loss: its history starts anew. */
export function addLoss(history: LossHistory, progress: Progress): LossHistory {
  const { loss, phase } = progress;
  const base = phase === history.phase ? history : { ...noLosses, ...(phase === undefined ? {} : { phase }) };
  if (loss === undefined || !Number.isFinite(loss)) return loss === undefined ? base : { ...base, last: loss };
  const pending = [...base.pending, loss];
  if (pending.length < base.stride) return { ...base, pending, last: loss };
  const points = [...base.points, mean(pending)];
  if (points.length < LIMIT) return { ...base, points, pending: [], last: loss };
  const halved = Array.from({ length: LIMIT / 2 }, (_, i) => mean(points.slice(2 * i, 2 * i + 2)));
  return { ...base, points: halved, stride: base.stride * 2, pending: [], last: loss };
}
