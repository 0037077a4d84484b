import { StepFailure } from '../util/failure.js';
import { type Row, readDatasetInfo, streamRows } from './dataset.js';
import type { Reporter } from './sources/source.js';

/**
 * How often each run of characters between spaces occurs: cut into words once for each different run, texts take half the
 * time that they take as a whole.
 *
 * @param data folders of datasets
 * @throws StepFailure `no-rows` if there are none, `corrupt-dataset`
 */
export async function countRuns(
  data: readonly string[],
  runsOf: (row: Row) => readonly string[],
  report: Reporter,
): Promise<Map<string, number>> {
  let total = 0;
  for (const folder of data) total += (await readDatasetInfo(folder)).rows;
  const runs = new Map<string, number>();
  let done = 0;
  for (const folder of data) {
    for await (const row of streamRows(folder)) {
      for (const run of runsOf(row)) runs.set(run, (runs.get(run) ?? 0) + 1);
      if (++done % 64 === 0) await report.progress({ done, total, unit: 'rows', phase: 'counting words' });
    }
  }
  if (runs.size === 0) throw new StepFailure('no-rows', 'there are no words to train a tokenizer on');
  return runs;
}
