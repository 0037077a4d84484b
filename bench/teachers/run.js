import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, number } from '../numbers.js';
import { ask, prepare } from './ours.js';
import { askBy, PYTHON, versions } from './peers.js';
import { report } from './report.js';
import { writeRows } from './rows.js';
import { capacity, TeacherServer } from './serve.js';

/**
 * `npm run build && node bench/teachers/run.js`: measures, prints the report and writes it to `bench/TEACHERS.md`.
 * `--sizes 10000,100000` or `--sizes ""` for less or nothing of the memory, which takes longest.
 */

const RESULTS = fileURLToPath(new URL('../TEACHERS.md', import.meta.url));
const LATENCY = 50;
const CONCURRENCY = 64;
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '10000,100000,1000000' },
  },
});
const ROWS = Number(values.rows);
const ROUNDS = Number(values.rounds);
const SIZES = values.sizes.split(',').filter(Boolean).map(Number);

const began = performance.now();
const progress = (line) => process.stderr.write(`[${((performance.now() - began) / 1000).toFixed(0)} s] ${line}\n`);

/** Every side by its name in the report. @type {Record<string, (folder: string, options: object) => Promise<object>>} */
const SIDES = {
  ours: ask,
  'ours, budget': (folder, options) => ask(folder, { ...options, budget: '{ usd: 1000, tokens: 1000000000 }' }),
  'ours, log-probabilities': (folder, { baseUrl, ...options }) =>
    ask(folder, { ...options, baseUrl: baseUrl.replace('/v1', '/soft/v1'), soft: 'auto' }),
  ...(existsSync(PYTHON) && {
    distilabel: (folder, options) => askBy('distilabel', folder, options),
    curator: (folder, options) => askBy('curator', folder, options),
  }),
};

/** Every side in turn, each round; all see the same server. */
async function rates(work) {
  const rows = join(work, 'rows.jsonl');
  await writeRows(rows, ROWS);
  const server = await TeacherServer.start(LATENCY);
  const options = { rows, baseUrl: `${server.url}/v1`, concurrency: CONCURRENCY };
  const runs = Object.fromEntries(Object.keys(SIDES).map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [name, side] of Object.entries(SIDES)) {
      await server.take();
      const folder = join(work, 'side');
      const found = await side(folder, options);
      const { requests, mostUnderWay, latency, first, last, cpuSeconds } = await server.take();
      await rm(folder, { recursive: true });
      if (requests !== ROWS) throw new Error(`${name} sent ${requests} requests for ${ROWS} rows`);
      const asking = (last - first) / 1000;
      runs[name].push({ ...found, asking, latency, mostUnderWay, serverShare: cpuSeconds / asking });
      progress(`${name}: ${number(ROWS / asking)} rows/s while it asks, ${number(ROWS / found.seconds)} in all`);
    }
  }
  await server.stop();
  return Object.fromEntries(
    Object.entries(runs).map(([name, found]) => {
      const of = (key) => median(found.map((run) => run[key]));
      const keys = ['asking', 'seconds', 'command', 'peakMiB', 'latency', 'mostUnderWay', 'serverShare'];
      return [name, { ...Object.fromEntries(keys.map((key) => [key, of(key)])), runs: found }];
    }),
  );
}

/** The largest resident size of the step's process, which does nothing else; the server answers at once. */
async function memory(work) {
  const server = await TeacherServer.start(0);
  const found = [];
  for (const count of SIZES) {
    const rows = join(work, 'rows.jsonl');
    const folder = join(work, 'memory');
    await writeRows(rows, count);
    await prepare(folder, rows);
    progress(`${number(count)} rows are prepared`);
    const options = { rows, baseUrl: `${server.url}/v1`, concurrency: CONCURRENCY };
    const { seconds, peakMiB } = await ask(folder, options);
    await rm(folder, { recursive: true });
    found.push({ rows: count, seconds, peakMiB });
    progress(`${number(count)} rows: ${number(peakMiB)} MiB, ${number(seconds)} s`);
  }
  await server.stop();
  return found;
}

const date = new Date().toISOString();
const load = loadavg();
const work = await mkdtemp(join(tmpdir(), 'recipe-teachers-'));
try {
  const idle = await TeacherServer.start(0);
  const most = await capacity(idle, CONCURRENCY, 20_000);
  await idle.stop();
  progress(`the server alone: ${number(most)} answers/s`);
  const sides = await rates(work);
  const sizes = await memory(work);
  const text = report({
    command: ['npm run build && node bench/teachers/run.js', ...process.argv.slice(2)].join(' '),
    facts: {
      CPU: `${cpus()[0].model.trim()}, ${cpus().length} logical cores (${availableParallelism()} available)`,
      memory: `${number(totalmem() / 2 ** 30)} GiB`,
      Node: process.version,
      'load average before': load.map((l) => l.toFixed(2)).join(', '),
      'load average after': loadavg()
        .map((l) => l.toFixed(2))
        .join(', '),
      'time of the whole run': `${number((performance.now() - began) / 1000)} s`,
    },
    date,
    rows: ROWS,
    rounds: ROUNDS,
    latency: LATENCY,
    concurrency: CONCURRENCY,
    capacity: most,
    peers: existsSync(PYTHON) ? await versions() : undefined,
    sides,
    sizes,
  });
  writeFileSync(RESULTS, text);
  process.stdout.write(text);
} finally {
  await rm(work, { recursive: true, force: true });
}
