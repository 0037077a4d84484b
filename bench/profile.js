import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { differentiate } from '../dist/backend/differentiate.js';
import { finish } from '../dist/backend/finish.js';
import { encode } from '../dist/backend/onnx/encode.js';
import { record } from '../dist/backend/trace.js';
import { fixture } from './fixture.js';

const RUNS = 8;
const WARM_UP = 2;
const GRADIENT = 'gradient:';

/**
 * Where ONNX Runtime says that the time of a training step's graph goes.
 *
 * @param {import('./cases.js').Case} c
 * @param {number} threads
 * @returns {Promise<{operators: {name: string, nodes: number, ms: number}[], total: number}>} a step's mean; `total` is
 *   the whole run of the graph, with what lies between operators
 */
export async function profile(c, threads) {
  const folder = await mkdtemp(join(tmpdir(), 'recipe-bench-'));
  try {
    const { session, feeds } = await profiledSession(c, threads, join(folder, 'profile'));
    for (let i = 0; i < RUNS; i++) await session.run(feeds);
    session.endProfiling();
    const [file] = await readdir(folder);
    return summarize(JSON.parse(await readFile(join(folder, file), 'utf8')));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The graph that the runner compiles, under the same options, with ORT's profiler on. */
async function profiledSession(c, threads, prefix) {
  const { stage, optimizer, batch } = fixture(c);
  const tensors = { ...optimizer.parameters, ...batch };
  const pick = (from, all) => Object.fromEntries(Object.keys(from).map((name) => [name, all[name]]));
  const recording = record(tensors, (all) => {
    const { values, gradients } = differentiate(stage.fn, pick(optimizer.parameters, all), pick(batch, all));
    return { ...values, ...Object.fromEntries(Object.entries(gradients).map(([n, g]) => [GRADIENT + n, g])) };
  });
  const program = finish(recording, (name) => name.startsWith(GRADIENT));
  const session = await ort.InferenceSession.create(encode(program), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: prefix,
    extra: { session: { set_denormal_as_zero: '1' } },
  });
  const feed = ({ dtype, data, shape }) => new ort.Tensor(dtype, data, [...shape]);
  return { session, feeds: Object.fromEntries(program.inputs.map(({ input }) => [input, feed(tensors[input])])) };
}

function summarize(events) {
  const runs = events.filter((e) => e.name === 'model_run').sort((a, b) => a.ts - b.ts);
  const counted = runs.slice(WARM_UP);
  const operators = new Map();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < counted[0].ts) continue;
    const entry = operators.get(args.op_name) ?? { name: args.op_name, nodes: 0, ms: 0 };
    entry.nodes += 1 / counted.length;
    entry.ms += dur / 1000 / counted.length;
    operators.set(args.op_name, entry);
  }
  return {
    operators: [...operators.values()].sort((a, b) => b.ms - a.ms),
    total: counted.reduce((sum, { dur }) => sum + dur / 1000, 0) / counted.length,
  };
}
