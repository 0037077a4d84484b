import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cases } from './cases.js';
import { measureCase, profileCase } from './measure.js';
import { number, percent } from './numbers.js';
import { compare } from './peers/compare.js';
import { peersReport } from './peers/report.js';
import { report } from './report.js';

/** `npm run bench`: measures, prints the report and writes it to `bench/RESULTS.md`. Takes minutes. */

const RESULTS = fileURLToPath(new URL('RESULTS.md', import.meta.url));
const THREADS = 2;
/** Made by `bash bench/peers/install.sh`; without it PyTorch and its kin are left out. */
const PYTHON = fileURLToPath(new URL('peers/.venv/bin/python', import.meta.url));
const PACKAGES = ['onnxruntime-node', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'];

const began = performance.now();
const progress = (line) => process.stderr.write(`[${((performance.now() - began) / 1000).toFixed(0)} s] ${line}\n`);

/** CPU time of the whole machine in which it did anything, s. */
const busySeconds = () => cpus().reduce((sum, { times: t }) => sum + (t.user + t.nice + t.sys + t.irq) / 1000, 0);

function version(name) {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

const date = new Date().toISOString();
const load = loadavg();
const busyBefore = busySeconds();

const results = [];
const all = await cases();
for (const c of all) results.push(await measureCase(c, THREADS, progress));
const profiled = results.at(-1);
const profile = await profileCase(profiled.case, THREADS, progress);

const seconds = (performance.now() - began) / 1000;
const own = process.cpuUsage();
const ownSeconds = results.reduce((sum, r) => sum + r.cpuSeconds, profile.cpuSeconds) + (own.user + own.system) / 1e6;
// The counters are coarse: on a quiet machine the difference may be a little below zero.
const others = Math.max(0, busySeconds() - busyBefore - ownSeconds);
const text = report({
  machine: {
    command: 'npm run bench',
    date,
    facts: {
      CPU: `${cpus()[0].model.trim()}, ${cpus().length} logical cores (${availableParallelism()} available)`,
      memory: `${number(totalmem() / 2 ** 30)} GiB`,
      Node: process.version,
      ...Object.fromEntries(PACKAGES.map((name) => [name, version(name)])),
      'ONNX Runtime threads': THREADS,
      'load average before': load.map((l) => l.toFixed(2)).join(', '),
      'CPU taken by other processes meanwhile': percent(others / (seconds * cpus().length)),
      'time of the whole run': `${number(seconds)} s`,
    },
  },
  results,
  profile: { ...profile, title: profiled.case.title, update: profiled.recorded.update },
});
let peers = '\nPyTorch was not measured: `bash bench/peers/install.sh` brings it.\n';
if (existsSync(PYTHON)) {
  const script =
    'import torch, transformers; print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}")';
  const versions = execFileSync(PYTHON, ['-c', script], { encoding: 'utf8' }).trim();
  peers = `\n${peersReport({ versions, ...(await compare(PYTHON, progress)) })}`;
}
writeFileSync(RESULTS, text + peers);
process.stdout.write(text + peers);
