import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { Random } from '../../src/util/random.js';
import { BIN } from '../cli/recipe.js';
import { asked, FAULTS, type Fault, oneToken, TeacherServer } from '../teachers/query/server.js';

const KEY = 'sk-soak-4f1c9a77b2';
/** What was answered so shortly before a kill need not be on disk: a group of writes, and what its sync takes. */
const UNSYNCED_MS = 120;
const PRICE = { input: 1, output: 4 };

export interface Soak {
  readonly folder: string;
  readonly rows: number;
  readonly kills: number;
  /** Milliseconds. */
  readonly latency: number;
  /** Share of requests that go wrong. */
  readonly faults: number;
  readonly concurrency: number;
  /** Milliseconds from a start to a kill, at most. */
  readonly killWithin: number;
}

const recipe = ({ rows, concurrency }: Soak, url: string, usd: number): string => `
version: 1
name: soak
params:
  usd: { type: number, default: ${usd} }
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: ./rows.jsonl }
      deduplicate: { near: null }
      split: { train: 1, validation: 0, test: 0 }
  answers:
    uses: query-teacher
    with:
      data: \${{ steps.corpus.outputs.train }}
      teacher:
        base_url: ${url}
        model: oracle
        api_key: \${{ env.SOAK_KEY }}
        price: { input: ${PRICE.input}, output: ${PRICE.output} }
      task: { mode: classify, labels: [even, odd], soft_labels: logprobs }
      budget: { usd: "\${{ params.usd }}", tokens: ${rows * 1000} }
      rate: { concurrency: ${concurrency}, timeout: 1, retries: 20 }
      corrections: 8
outputs:
  answers: \${{ steps.answers.outputs.data }}
`;

/**
 * Asks a server about many rows while it fails in every way there is and the process is killed again and again, first
 * with a budget that is too small; then looks whether every promise was kept.
 */
export async function soak(options: Soak): Promise<{ readonly requests: number; readonly again: number }> {
  const { folder, rows, kills, latency, faults, killWithin } = options;
  const random = new Random(11, 'soak');
  const server = await TeacherServer.start({
    latency,
    slowMs: 4000,
    retryAfterMs: 20,
    forget: true,
    answer: (body) => {
      const odd = Number(/\d+/.exec(asked(body.messages.length > 2 ? first(body) : body))?.[0]) % 2 === 1 ? 0.9 : 0.2;
      return oneToken(odd > 0.5 ? 'odd' : 'even', { odd, even: 1 - odd });
    },
    fault: (): Fault | undefined => (random.uniform() < faults ? FAULTS[random.below(FAULTS.length)] : undefined),
  });
  try {
    const texts = Array.from({ length: rows }, (_, i) => `Is ${i} an even number or an odd one?`);
    await writeFile(join(folder, 'rows.jsonl'), texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    // Enough for two thirds of what is billed without faults.
    const small = Number(((rows * 2 * (90 * PRICE.input + 3 * PRICE.output)) / 3 / 1e6).toPrecision(3));
    await writeFile(join(folder, 'recipe.yaml'), recipe(options, server.url, small));
    const billed = (): number => (server.billed.prompt * PRICE.input + server.billed.completion * PRICE.output) / 1e6;

    let allowed = 0;
    let usd = small;
    for (let i = 0; ; i++) {
      const settings = usd === small ? [] : ['--set', `params.usd=${usd}`];
      const run = start(folder, settings);
      if (i < kills) {
        const killed = await Promise.race([
          sleep(200 + random.below(killWithin)).then(() => true),
          run.ended.then(() => false),
        ]);
        if (killed) {
          const before = performance.now() - UNSYNCED_MS;
          allowed += server.underWay + server.answeredSince(before);
          run.kill();
          await run.ended;
          continue;
        }
      }
      const code = await run.ended;
      expect(billed(), 'the budget is a hard cap').toBeLessThanOrEqual(usd);
      if (code === 0) break;
      expect(run.err(), run.err()).toMatch(/the budget has no room for another question/);
      usd *= 10;
    }

    const lines = (await readFile(join(folder, 'out/soak/answers/rows.jsonl'), 'utf8')).trim().split('\n');
    const answered = lines.map((line) => JSON.parse(line) as Row);
    expect(answered.map(({ text }) => text).sort()).toEqual(texts.sort());
    for (const { text, label } of answered) {
      expect(label, text).toBe(Number(/\d+/.exec(text)?.[0]) % 2 === 1 ? 'odd' : 'even');
    }
    const again = [...server.answered.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(again, 'questions that were answered and asked again').toBeLessThanOrEqual(allowed);
    expect(await filesWith(folder, KEY), 'files that hold the key').toEqual([]);
    return { requests: server.requests, again };
  } finally {
    await server.stop();
  }
}

const first = (body: { messages: { role: string; content: string }[] }) => ({
  model: '',
  messages: body.messages.filter(({ role }) => role === 'user').slice(0, 1),
});

/** The command line in a group of processes of its own, so that all of it can be killed at once. */
function start(cwd: string, settings: readonly string[]) {
  const child = spawn(process.execPath, [BIN, 'run', 'recipe.yaml', '--reporter', 'plain', ...settings], {
    cwd,
    detached: true,
    env: { ...process.env, SOAK_KEY: KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (data: Buffer) => {
    err += data;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { ended, err: () => err, kill: () => process.kill(-(child.pid as number), 'SIGKILL') };
}

async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
