/**
 * The process of `memoryOf`: loads a model, answers the rows that it is sent, says how large it was. Arguments: the
 * model's folder, the backend, threads, the task.
 */
import type { Row } from '../data/dataset.js';
import { exams, type JudgedTask } from '../exams/index.js';
import type { Backend } from '../options/evaluate.js';

// Linux starts a process with its parent's peak: ours is the peak only if it rises above that.
const inherited = process.resourceUsage().maxRSS;
type Arguments = [folder: string, backend: Backend, threads: string, task: JudgedTask | 'classification'];
const [folder, backend, threads, task] = process.argv.slice(2) as Arguments;

async function answer(rows: readonly Row[]): Promise<void> {
  const model = await exams[task].load(folder, backend, Number(threads));
  await model.answer(rows);
}

process.on('disconnect', () => process.exit());
process.once('message', (rows: readonly Row[]) => {
  void answer(rows).then(() => {
    const { maxRSS } = process.resourceUsage();
    process.send?.(maxRSS > inherited ? maxRSS * 1024 : process.memoryUsage.rss());
  });
});
