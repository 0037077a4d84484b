import type { Progress } from '../engine/step.js';

/** How fast a step goes, smoothed over time. */
export interface Rate {
  /** Of the last report, milliseconds; undefined before the first. */
  readonly at?: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  /** Units a second; undefined until two reports tell. */
  readonly perSecond?: number;
}

export const noRate: Rate = { done: 0, total: 0, unit: '' };

/** Seconds after which an old speed weighs 1/e. */
const MEMORY_SECONDS = 8;

/**
 * Takes in one report. The first one is only a starting point (a resumed step begins at 500, not at 0); a new unit,
 * another total or fewer done than before start anew. Returns its argument for a report older than the last.
 */
export function addProgress(rate: Rate, at: number, progress: Progress): Rate {
  const { done, total, unit } = progress;
  if (rate.at === undefined || unit !== rate.unit || total !== rate.total || done < rate.done) {
    return rate.at !== undefined && at < rate.at ? rate : { at, done, total, unit };
  }
  if (at < rate.at) return rate;
  const seconds = (at - rate.at) / 1000;
  // Two reports of the same millisecond tell no speed: the work is counted with the next one.
  if (seconds === 0) return { ...rate };
  const now = (done - rate.done) / seconds;
  const weight = 1 - Math.exp(-seconds / MEMORY_SECONDS);
  const perSecond = rate.perSecond === undefined ? now : rate.perSecond + weight * (now - rate.perSecond);
  return { at, done, total, unit, perSecond };
}

/** Seconds until `total`, or undefined while no speed is known. */
export function secondsLeft(rate: Rate): number | undefined {
  if (!rate.perSecond || rate.total <= 0) return undefined;
  return Math.max(0, rate.total - rate.done) / rate.perSecond;
}
