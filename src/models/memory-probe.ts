/**
 * The process of `memoryOf`: loads a model, answers the texts that it is sent, says how large it was. Arguments: the
 * model's folder, the backend, threads.
 */
import type { Backend } from '../backend/runner.js';
import { loadPredictor } from './index.js';
import type { Asked } from './memory.js';

// Linux starts a process with its parent's peak: ours is the peak only if it rises above that.
const inherited = process.resourceUsage().maxRSS;
const [folder, backend, threads] = process.argv.slice(2) as [string, Backend, string];

process.on('disconnect', () => process.exit());
process.once('message', ({ texts, pairs }: Asked) => {
  void (async () => {
    const predictor = await loadPredictor(folder, backend, Number(threads));
    await predictor.predict(texts, pairs);
    const { maxRSS } = process.resourceUsage();
    process.send?.(maxRSS > inherited ? maxRSS * 1024 : process.memoryUsage.rss());
  })();
});
