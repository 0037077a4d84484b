import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CLI = fileURLToPath(new URL('../../bin/recipe.js', import.meta.url));

/** What every tool asks; the prompt is the row's text. */
export const SYSTEM = 'Is this mail ham or spam? Answer with one word.';

const corpus = (rows) => `version: 1
name: bench
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: ${rows} }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
`;

const answers = ({ baseUrl, concurrency, soft, budget }) => `  answers:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.train }}
      teacher: { base_url: ${baseUrl}, model: oracle, price: { input: 0.4, output: 1.6 } }
      system: ${SYSTEM}
      prompt: "{{ text }}"
      max_tokens: 16
      task: { mode: classify, labels: [ham, spam], soft_labels: ${soft} }
      rate: { concurrency: ${concurrency} }
      budget: ${budget}
`;

/** Runs a recipe through the command line, as a user does. @returns its events and the seconds of the whole command */
async function run(folder, recipe) {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'recipe.yaml');
  await writeFile(file, recipe);
  const began = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'run', file, '--reporter', 'json'], {
    cwd: folder,
    maxBuffer: 2 ** 28,
  });
  const seconds = (performance.now() - began) / 1000;
  const lines = stdout.trim().split('\n');
  return { seconds, events: lines.map((line) => JSON.parse(line)) };
}

/** Prepares the rows in a run of their own, so that the next one finds them and starts the asking step in a new process. */
export const prepare = (folder, rows) => run(folder, corpus(rows));

/**
 * The step in a workplace, which is empty unless `prepare` made it.
 *
 * @param {string} folder
 * @param {{rows: string, baseUrl: string, concurrency: number, soft?: 'auto' | 'none', budget?: string}} options
 * @returns seconds of the step and of the whole command, and the largest resident size of the step's process
 */
export async function ask(folder, { soft = 'none', budget = '{}', ...options }) {
  const { seconds: command, events } = await run(folder, corpus(options.rows) + answers({ soft, budget, ...options }));
  const { seconds, peakMemory } = events.find((e) => e.type === 'step-finished' && e.step === 'answers');
  return { seconds, command, peakMiB: peakMemory / 2 ** 20 };
}
