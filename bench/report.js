import { LOSS_TOLERANCE, NORM_TOLERANCE } from './measure.js';
import { number, percent } from './numbers.js';

/** The least that the recorded step must be faster than wasm (issue 3). */
const TARGET_RATIO = 40;
/** Operators with a smaller share of the step share a line. */
const SMALL = 0.01;
const MATMULS = ['MatMul', 'FusedMatMul', 'Gemm'];

/**
 * The report as Markdown.
 *
 * @param {object} run what `run.js` gathered
 */
export function report({ machine, results, profile }) {
  const columns = ['', ...results.map((r) => r.case.title)];
  const row = (name, value) => [name, ...results.map(value)];
  const main = [
    row('recorded, ms a step: median (least) of n', ({ recorded: r }) => timing(r)),
    row('tfjs wasm, ms a step: median (least) of n', ({ wasm: w }) => timing(w)),
    row('**ratio**', (r) => `**${number(r.ratio)}** (${verdict(r.ratio)})`),
    row('of it AdamW, recorded, ms', (r) => number(r.recorded.update)),
    row('GFLOP a step', (r) => number(r.flop / 1e9)),
    row('recorded, GFLOP/s', (r) => number(r.flop / 1e6 / r.recorded.ms)),
    row('measured matmul rate, 2048 × 1024 × 1024, GFLOP/s', (r) => number(r.rate)),
    row('**share of that rate**', (r) => `**${percent(r.share)}**`),
    row("measured rate of the step's own products, GFLOP/s", (r) => number(r.ownRate)),
    row('share of that rate', (r) => percent(r.ownShare)),
    row('compile, once a batch shape, s', (r) => number(r.recorded.compile / 1000)),
    row('peak memory, recorded, MiB', (r) => number(r.recorded.peakMiB)),
    row('peak memory, wasm, MiB', (r) => number(r.wasm.peakMiB)),
    row('first loss, relative difference', (r) => r.agreement.loss.toExponential(1)),
    row('first gradient norm, relative difference', (r) => r.agreement.norm.toExponential(1)),
  ];
  return `# Training step: recorded against tfjs wasm

Written by \`${machine.command}\`. ${machine.date}.

${table(['', ''], Object.entries(machine.facts))}

${table(columns, main)}

${notes(results)}

## Where the time of ${profile.title} goes

ONNX Runtime's own profile: mean of its runs after two to warm up, in a process of its own. Profiling costs a little
time itself. Matrix products are marked ×.

${profileTable(profile)}
`;
}

const timing = ({ ms, least, steps }) => `${number(ms)} (${number(least)}) of ${steps}`;
const verdict = (ratio) => `target ${TARGET_RATIO}: ${ratio >= TARGET_RATIO ? 'met' : 'missed'}`;

function notes(results) {
  const { wasmFeatures } = results[0];
  return `- A step is forward, backward and the AdamW update, with dropout; making the batch and its dropout masks is not in it. Every token is real.
- Both backends run the same tensor functions, with the same parameters and batch, in turn: rounds of matrix products, recorded steps and one wasm step. Before timing, the two must agree in gradient norm (${NORM_TOLERANCE.toExponential()}) and loss (${LOSS_TOLERANCE.toExponential()}: wasm's float32 sum over hidden states alone is off by 1e-3; ONNX Runtime's by 4e-5, against float64).
- wasm uses ${wasmFeatures}. Its missing kernel \`UnsortedSegmentSum\` (the embedding's gradient) is \`bench/wasm.js\`.
- GFLOP = 6 · (weights of linear layers and hidden-state projections, once for each use) · tokens + 12 · batch · length² · hidden · layers. Nothing else counts as work. Where only the classifier reads the last layer, of that layer only keys and values are counted, since it computes the first token alone, on either backend.
- Share = GFLOP / (time · rate). The rate of the step's own products weighs each shape (forward, both gradients, attention) as often as a step has it, so its share is what part of the step would remain if all else cost nothing.
- ONNX Runtime runs on all its threads, wasm on one, so other work on the machine slows the recorded step more and lowers the ratio: see the CPU taken by other processes.
- Peak memory is the largest resident size of a process that does only this, Node included.`;
}

function profileTable({ operators, total, update }) {
  const step = total + update;
  const isMatmul = ({ name }) => MATMULS.includes(name);
  const line = (name, nodes, ms) => [name, nodes, number(ms), percent(ms / step)];
  const sum = (list, key) => list.reduce((s, o) => s + o[key], 0);
  const large = operators.filter((o) => o.ms / step >= SMALL);
  const small = operators.filter((o) => o.ms / step < SMALL);
  const products = operators.filter(isMatmul);
  const rows = [
    ...large.map((o) => line(isMatmul(o) ? `${o.name} ×` : o.name, Math.round(o.nodes), o.ms)),
    line(`${small.length} others`, Math.round(sum(small, 'nodes')), sum(small, 'ms')),
    line('between operators', '', Math.max(0, total - sum(operators, 'ms'))),
    line('AdamW, outside the graph', '', update),
    line('**all**', Math.round(sum(operators, 'nodes')), step),
    line('**of it matrix products**', Math.round(sum(products, 'nodes')), sum(products, 'ms')),
  ];
  return table(['operator', 'nodes', 'ms a step', 'share'], rows);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
