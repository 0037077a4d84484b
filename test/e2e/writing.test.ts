import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../cli/recipe.js';
import { digests } from '../steps/context.js';
import { rowsToAnswer } from '../train/writing.js';
import { Live } from './live.js';

const ref = (path: string): string => `\${{ steps.${path.replace('.', '.outputs.')} }}`;

/** A model that writes, from questions to the report, in a few seconds. */
const WRITING = `version: 1
name: writing
seed: 7
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl, response: answer }
      deduplicate: { near: null }
      split: { train: 0.8, validation: 0.1, test: 0.1 }
  tokenizer:
    uses: train-tokenizer
    with: { data: "${ref('corpus.train')}", type: byte-bpe, vocabulary: 300 }
  student:
    uses: train
    with:
      task: generation
      data: ${ref('corpus.train')}
      validation: ${ref('corpus.validation')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: llama, layers: 1, hidden: 32, heads: 2, max_length: 40 }
      batch_size: 8
      stages: [{ objectives: [hard-label], updates: 40, learning_rate: 0.01, validate: { every: 10 } }]
  report:
    uses: evaluate-responses
    with: { data: "${ref('corpus.test')}", students: "${ref('student.model')}", baselines: [first-line], max_tokens: 8 }
outputs:
  student: ${ref('student.model')}
  report: ${ref('report.report')}
`;

function writingFolder(): string {
  const path = folder({ 'writing.yaml': WRITING });
  const lines = rowsToAnswer(160).map(({ text, responses }) => `${JSON.stringify({ text, answer: responses?.[0] })}\n`);
  writeFileSync(join(path, 'rows.jsonl'), lines.join(''));
  return path;
}

test('a model that writes ends as the same bytes after kill -9', async () => {
  const straight = writingFolder();
  const whole = Live.cli(straight, ['run', 'writing.yaml', '--threads', '1']);
  expect(await whole.exit, whole.err).toBe(0);

  const killed = writingFolder();
  for (const saves of [3, 2]) {
    const args = saves === 3 ? ['run', 'writing.yaml', '--threads', '1'] : ['resume'];
    const moment = { in: 'worker', step: 'student', event: 'step-checkpoint', count: saves, calls: [0] } as const;
    const live = Live.fixture(killed, args, moment);
    expect(await live.held(1), live.err).toBe(true);
    live.signal('SIGKILL');
    live.killWorkers();
    await live.exit;
  }
  const last = Live.cli(killed, ['resume']);
  expect(await last.exit, last.err).toBe(0);
  const out = (root: string) => digests(join(root, 'out/writing'));
  expect(await out(killed)).toEqual(await out(straight));
  expect(Object.keys(await out(killed))).toContain('report/samples.jsonl');
}, 120_000);
