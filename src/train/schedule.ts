/** Learning rate as a fraction of the largest: up linearly over the warm-up, then down linearly to 0 (BERT's own). */
export function linearSchedule(update: number, total: number, warmup: number): number {
  const rising = Math.round(total * warmup);
  return update < rising ? (update + 1) / rising : (total - update) / Math.max(1, total - rising);
}
