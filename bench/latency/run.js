// How long an exported model takes in Node and in Python, in one interleaved run:
//
//   npm run build && node bench/latency/run.js EXPORTED_FOLDER PYTHON [ROUNDS] [THREADS]
//
// EXPORTED_FOLDER is that of an export step of a classifier (out/<recipe>/<output>); PYTHON has onnxruntime and numpy. Both
// run the same files, onnx/model.onnx and onnx/model_quantized.onnx; beside them stands the folder as evaluate and serve
// compute it. Tokens are random and all are real: time does not depend on which they are.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeTransformer } from '../../dist/models/checkpoint.js';
import { percentile } from '../../dist/util/numbers.js';
import { Random } from '../../dist/util/random.js';
import { Side } from './side.js';

const [folder, python, rounds = '20', threads = '2'] = process.argv.slice(2);
if (!folder || !python) {
  console.error('usage: node bench/latency/run.js EXPORTED_FOLDER PYTHON [ROUNDS] [THREADS]');
  process.exit(2);
}
const { config } = await describeTransformer(folder);
if (config.head !== 'classifier') throw new Error(`${folder} holds a ${config.head}, and this compares classifiers`);

/** Runs of a side in each round, one right after the other; the first finds the caches full of another's numbers. */
const RUNS = 4;
/** The same file gives the same logits, but for the order of sums. */
const SAME = 1e-4;
/** Of 8-bit integers: a sum in another order rounds some of them to the next one. */
const ALIKE = 0.05;
const SHAPES = [
  [1, 16],
  [1, 64],
  [1, 128],
  [32, 64],
].filter(([, length]) => length <= config.maxLength);

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const files = { fp32: join(folder, 'onnx/model.onnx'), int8: join(folder, 'onnx/model_quantized.onnx') };
const sides = [await Side.start('recipe, fp32', process.execPath, [here('child.js'), 'folder', folder, threads])];
for (const [kind, file] of Object.entries(files).filter(([, file]) => existsSync(file))) {
  sides.push(await Side.start(`Node, ${kind} file`, process.execPath, [here('child.js'), 'file', file, threads]));
  sides.push(await Side.start(`Python, ${kind} file`, python, [here('peer.py'), file, threads]));
}

const random = new Random(1, 'latency');
const report = [];
for (const [rows, length] of SHAPES) {
  const ids = Array.from({ length: rows }, () => Array.from({ length }, () => random.below(config.vocabulary)));
  const times = new Map(sides.map(({ name }) => [name, []]));
  const logits = new Map();
  for (let round = 0; round <= Number(rounds); round++) {
    for (const side of sides) {
      const found = await side.ask({ do: 'run', ids, count: RUNS });
      logits.set(side.name, found.logits);
      // The first round compiles and warms up.
      if (round > 0) times.get(side.name).push(...found.ms.slice(1));
    }
  }
  agree('recipe, fp32', 'Node, fp32 file', SAME);
  agree('Node, fp32 file', 'Python, fp32 file', SAME);
  if (logits.has('Node, int8 file')) agree('Node, int8 file', 'Python, int8 file', ALIKE);
  report.push({ shape: `${rows} × ${length}`, times });
  process.stderr.write(`${rows} × ${length}: done\n`);

  function agree(one, other, most) {
    const [a, b] = [logits.get(one), logits.get(other)];
    const largest = Math.max(1, ...a.map(Math.abs));
    const apart = Math.max(...a.map((x, i) => Math.abs(x - b[i]))) / largest;
    if (!(apart <= most)) throw new Error(`${one} and ${other} differ by ${apart}: timing them means nothing`);
  }
}

const peaks = new Map();
for (const side of sides) peaks.set(side.name, (await side.ask({ do: 'close' })).peakMiB);
const cell = (ms) => {
  const sorted = Float64Array.from(ms).sort();
  return `${percentile(sorted, 0.5).toFixed(2)} (${percentile(sorted, 0.95).toFixed(2)})`;
};
const lines = [
  `${config.type}, ${config.layers} × ${config.hidden}, ${threads} threads, ${rounds} rounds of ${RUNS - 1} runs: ms of a batch, median (95th percentile).`,
  '',
  `| texts × tokens | ${sides.map(({ name }) => name).join(' | ')} |`,
  `| --- | ${sides.map(() => '---:').join(' | ')} |`,
  ...report.map(({ shape, times }) => `| ${shape} | ${sides.map(({ name }) => cell(times.get(name))).join(' | ')} |`),
  `| memory, MiB | ${sides.map(({ name }) => peaks.get(name).toFixed(0)).join(' | ')} |`,
  '',
  ...new Set(sides.map(({ version }) => `${version}.`)),
];
console.log(lines.join('\n'));
