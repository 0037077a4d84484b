import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../cli/recipe.js';
import { digests } from '../steps/context.js';
import { serve } from '../teachers/query/rig.js';
import type { ChatBody, ChoiceAnswer } from '../teachers/query/server.js';
import { textOf, wishIn } from '../teachers/synthesize/rig.js';
import { Live, type Moment } from './live.js';
import { texts } from './small.js';

const ref = (path: string): string => `\${{ steps.${path.replace('.', '.outputs.')} }}`;
const corpus = `  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 0.5, validation: 0, test: 0.5 }`;

/** A folder with that recipe and made-up texts. */
function place(recipe: string, count: number): string {
  const here = folder({ 'r.yaml': recipe });
  writeFileSync(join(here, 'rows.jsonl'), texts(count));
  return here;
}

/** Runs a recipe, killed with -9 at each of these moments; then to its end. */
async function killedAt(moments: readonly Moment[], here: string): Promise<void> {
  for (const [i, moment] of moments.entries()) {
    const live = Live.fixture(here, [i === 0 ? 'run' : 'resume', 'r.yaml'], moment);
    expect(await live.held(1), live.err).toBe(true);
    live.signal('SIGKILL');
    live.killWorkers();
    live.goOn();
    await live.exit;
  }
  const last = Live.cli(here, ['resume']);
  expect(await last.exit, last.err).toBe(0);
}

test('a learning curve that is killed in its trainings and between them ends with the same bytes', async () => {
  const recipe = `version: 1
name: curve
seed: 7
steps:
${corpus}
  tokenizer: { uses: train-tokenizer, with: { data: "${ref('corpus.train')}", vocabulary: 200 } }
  curve:
    uses: learning-curve
    with:
      data: ${ref('corpus.train')}
      test: ${ref('corpus.test')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: bert, layers: 1, hidden: 8, heads: 2, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 4 }]
      batch_size: 8
      sizes: [8, 16, 24, 40]
      seeds: 2
outputs: { curve: "${ref('curve.report')}" }
`;
  const calm = place(recipe, 100);
  const whole = Live.cli(calm, ['run', 'r.yaml', '--threads', '1']);
  expect(await whole.exit, whole.err).toBe(0);
  const killed = place(recipe, 100);
  const at = (count: number, calls: number): Moment => ({
    in: 'worker',
    step: 'curve',
    event: 'step-checkpoint',
    count,
    calls: [calls],
  });
  await killedAt([at(3, 0), at(5, 20), at(2, 45)], killed);
  expect(await digests(join(killed, 'out/curve/curve'))).toEqual(await digests(join(calm, 'out/curve/curve')));
}, 120_000);

/** What it writes depends on what it is asked, not on when: a run that was killed is to end as one that was not. */
function write(body: ChatBody): ChoiceAnswer {
  const { count, label, topic } = wishIn(body);
  const seed = createHash('sha256').update(JSON.stringify(body.messages)).digest().readUInt32BE() % 100_000;
  const written = Array.from({ length: count }, (_, i) => textOf(label, topic, seed + i));
  return { text: JSON.stringify({ texts: written }) };
}

test('synthesized data that is killed is asked for once, and ends with the same bytes', async () => {
  const recipe = (url: string): string => `version: 1
name: made
seed: 7
steps:
${corpus}
  made:
    uses: synthesize-data
    with:
      seeds: ${ref('corpus.train')}
      teacher: { base_url: "${url}", model: m, price: { input: 1, output: 1 } }
      labels: [ham, spam]
      topics: { work: [meetings, money], home: [garden, kitchen] }
      rows: 60
      judge: false
      rate: { concurrency: 1 }
outputs: { made: "${ref('made.data')}", report: "${ref('made.report')}" }
`;
  // So slow that of each kill one question is under way and one answer on its way to the disk, no more, also under load.
  const server = await serve({ answer: write, latency: 150 });
  const calm = place(recipe(server.url), 40);
  const whole = Live.cli(calm, ['run', 'r.yaml']);
  expect(await whole.exit, whole.err).toBe(0);
  const asked = server.requests;
  expect(asked).toBeGreaterThan(6);
  const killed = place(recipe(server.url), 40);
  const at = (count: number, calls: number): Moment => ({
    in: 'worker',
    step: 'made',
    event: 'step-progress',
    count,
    calls: [calls],
  });
  await killedAt([at(2, 0), at(2, 3)], killed);
  expect(await digests(join(killed, 'out/made'))).toEqual(await digests(join(calm, 'out/made')));
  expect(server.requests - asked).toBeGreaterThanOrEqual(asked);
  expect(server.requests - asked).toBeLessThanOrEqual(asked + 4);
}, 120_000);
