import { signalOf } from '../data/logits/index-file.js';
import { cacheBytes } from '../data/logits/signal.js';
import type { Estimate, EstimateContext } from '../engine/step.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { formatBytes } from '../util/bytes.js';
import { localTeacher, numbersKey } from './local-teacher.js';
import { checkRoom, checkSize } from './room.js';
import { ShardStore } from './shard-store.js';
import { surveyTexts } from './survey.js';

/**
 * What `cache-logits` will take. The texts are read and made tokens of, so the bytes are those that it will write, a few
 * per cent more at most.
 * @throws StepFailure as the step itself would: `too-large`, `disk-full`, for what its teacher has not
 */
export async function estimate(ctx: EstimateContext<CacheLogitsOptions>): Promise<Estimate> {
  const { options, seed } = ctx;
  const teacher = await localTeacher(ctx.input('teacher'), options, seed, 1);
  try {
    const signal = signalOf(teacher.about);
    const survey = await surveyTexts(ctx.input('data').path, teacher.encode, async () => {});
    const rows = Math.min(ctx.expectedRows('data') ?? Infinity, survey.ids.length);
    const counts = survey.tokens.slice(0, rows);
    const bytes = cacheBytes(signal, counts);
    checkSize(rows, bytes, options.max_bytes);
    const store = await ShardStore.open(await ctx.sharedFolder('logits'), teacher.about, numbersKey(seed, teacher));
    const { shard } = await store.find(survey, []);
    const open = counts.filter((_, i) => (shard[i] as number) < 0);
    checkRoom(ctx.freeBytes, rows, cacheBytes(signal, open));
    const tokens = counts.reduce((sum, n) => sum + n, 0);
    return {
      rows,
      done: rows - open.length,
      ...(teacher.encode && { tokens }),
      bytes,
      notes: [`max_bytes allows ${formatBytes(options.max_bytes)}`],
    };
  } finally {
    await teacher.close();
  }
}
