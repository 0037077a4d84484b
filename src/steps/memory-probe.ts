/**
 * The process of `memoryOf`: loads a model, answers the rows that it is sent, says how large it was. Arguments: the
 * model's folder, the backend, threads, the task.
 */
import type { Row } from '../data/dataset.js';
import { loadPredictor } from '../models/index.js';
import type { EvaluateOptions } from '../options/evaluate.js';
import { ask } from './ask.js';
import { exams } from './exams/index.js';

// Linux starts a process with its parent's peak: ours is the peak only if it rises above that.
const inherited = process.resourceUsage().maxRSS;
/** Of what has an exam. */
type Task = Exclude<EvaluateOptions['task'], 'masked-language-model' | 'generation'>;
type Arguments = [folder: string, backend: EvaluateOptions['backend'], threads: string, task: Task];
const [folder, backend, threads, task] = process.argv.slice(2) as Arguments;

async function answer(rows: readonly Row[]): Promise<void> {
  if (task === 'classification') {
    const model = await loadPredictor(folder, backend, Number(threads));
    await ask(model, rows);
    return;
  }
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
