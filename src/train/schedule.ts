import type { Stage } from '../options/train.js';

/** How the rate goes on after the warm-up, as a fraction of the largest; `done` goes from 0 to 1. */
const DECAY: Readonly<Record<Stage['schedule'], (done: number) => number>> = {
  /** BERT's own. */
  linear: (done) => 1 - done,
  /** Half a cosine (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts). */
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
  constant: () => 1,
};

/** Learning rate as a fraction of the largest: up linearly over the warm-up, then as the schedule says. */
export function rateFactor(schedule: Stage['schedule'], update: number, total: number, warmup: number): number {
  const rising = Math.round(total * warmup);
  if (update < rising) return (update + 1) / rising;
  return DECAY[schedule]((update - rising) / Math.max(1, total - rising));
}
