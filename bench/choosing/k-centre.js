// k-centre over 50,000 embeddings beside scikit-learn's distances in one run; writes bench/CHOOSING.md. After `npm run build`.
//
//   python3 -m venv bench/choosing/.venv && bench/choosing/.venv/bin/pip install scikit-learn==1.9.1
//   node bench/choosing/k-centre.js                                  on a quiet machine, minutes
//   node bench/choosing/k-centre.js --rows 5000 --centres 50 --to /dev/stdout --python /path/to/python    a try
import { fork, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../../dist/util/random.js';
import { median } from '../numbers.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000' },
    width: { type: 'string', default: '384' },
    centres: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    python: { type: 'string', default: join(here, '.venv/bin/python') },
    to: { type: 'string', default: fileURLToPath(new URL('../CHOOSING.md', import.meta.url)) },
  },
});
const [rows, width, centres, rounds] = ['rows', 'width', 'centres', 'rounds'].map((name) => Number(values[name]));

const folder = mkdtempSync(join(tmpdir(), 'recipe-k-centre-'));
const sides = {
  'ours (src/choose/k-centre.ts)': (file) => ours(file),
  'scikit-learn: pairwise_distances in a loop, as core-set code has it': (file) => peer(file, 'sklearn'),
  'NumPy: one product of the matrix a centre, norms kept': (file) => peer(file, 'numpy'),
};
const found = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
try {
  const file = join(folder, 'vectors.f32');
  writeFileSync(file, made());
  const load = loadavg();
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) {
      found[name].push(await run(file));
      console.error(`round ${round + 1} of ${rounds}: ${name}: ${found[name].at(-1).seconds.toFixed(1)} s`);
    }
  }
  writeFileSync(values.to, page(load));
} finally {
  rmSync(folder, { recursive: true });
}

/** Vectors of length 1 in 100 heaps. */
function made() {
  const random = new Random(1, 'vectors');
  const heaps = Array.from({ length: 100 * width }, () => random.normal());
  const data = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const heap = random.below(100) * width;
    let squares = 0;
    for (let i = 0; i < width; i++) {
      const x = heaps[heap + i] + random.normal();
      data[row * width + i] = x;
      squares += x * x;
    }
    for (let i = 0; i < width; i++) data[row * width + i] /= Math.sqrt(squares);
  }
  return new Uint8Array(data.buffer);
}

function ours(file) {
  return new Promise((resolve, reject) => {
    const child = fork(join(here, 'k-centre-child.js'), [file, String(width), String(centres)]);
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`ended early (${code})`)));
  });
}

function peer(file, how) {
  const args = [join(here, 'k_centre.py'), file, String(width), String(centres), how];
  const ran = spawnSync(values.python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (ran.status !== 0) throw new Error(`${values.python} ended with ${ran.status ?? ran.error}`);
  return JSON.parse(ran.stdout);
}

function page(load) {
  const [first] = Object.values(found).map(([run]) => run);
  const same = (order) => order.findIndex((row, i) => row !== first.order[i]);
  const own = median(first ? Object.values(found)[0].map(({ seconds }) => seconds) : []);
  const lines = Object.entries(found).map(([name, runs]) => {
    const seconds = median(runs.map((run) => run.seconds));
    const differs = same(runs[0].order);
    return `| ${[
      name,
      seconds.toFixed(2),
      (own / seconds).toFixed(2),
      median(runs.map(({ cpu }) => cpu)).toFixed(2),
      Math.max(...runs.map(({ peakMiB }) => peakMiB)).toFixed(0),
      differs < 0 ? 'all' : `the first ${differs}`,
    ].join(' | ')} |`;
  });
  const versions = Object.values(found)[1][0].versions;
  return `# Choosing data, measured

Written by \`node bench/choosing/k-centre.js\`: greedy k-centre, ${centres} of ${rows} vectors of ${width} float32 numbers (${((rows * width * 4) / 1e6).toFixed(0)} MB), the
median of ${rounds} rounds; each run in a process of its own, reading the vectors not counted. ${cpus()[0].model.trim()}, ${cpus().length} logical
cores, load before ${load.map((l) => l.toFixed(2)).join(', ')}; Node ${process.version}, ${versions}.

| | seconds | ours / this | CPU seconds | peak memory, MiB | rows chosen alike |
| --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}
