import { largeRate, products } from './matmul.js';
import { median, number } from './numbers.js';
import { Measurer } from './processes.js';

/**
 * Both backends' first step, from equal parameters on an equal batch, must agree this well (relative). The gradient is
 * what counts. The loss may differ more: tfjs's wasm adds the squares of 1.6 million hidden-state differences one by
 * one in float32, which alone is wrong by up to 1e-3.
 */
export const LOSS_TOLERANCE = 2e-3;
export const NORM_TOLERANCE = 1e-5;

/**
 * Times one case: rounds of matrix products, recorded steps and a wasm step, so that all see the same machine.
 *
 * @param {import('./cases.js').Case} c
 * @param {number} threads of ONNX Runtime
 * @param {(line: string) => void} progress
 * @throws if the two backends disagree
 */
export async function measureCase(c, threads, progress) {
  const start = (role) => Measurer.start(role, c, threads);
  const [matmul, recorded, wasm] = [await start('matmul'), await start('recorded'), await start('wasm')];

  progress(`${c.id}: first step of both backends`);
  const firstRecorded = await recorded.measure();
  const firstWasm = await wasm.measure();
  const agreement = compare(c, firstRecorded, firstWasm);
  await matmul.measure();
  await recorded.measure();

  const steps = [];
  const wasmSteps = [];
  const rates = [];
  for (let round = 1; round <= c.rounds; round++) {
    rates.push(await matmul.measure());
    // The first one finds the caches full of the others' numbers, which does not happen in training.
    steps.push(...(await recorded.measureMany(c.recordedSteps + 1)).slice(1));
    wasmSteps.push(await wasm.measure());
    const latest = `recorded ${number(steps.at(-1).ms)} ms, wasm ${number(wasmSteps.at(-1).ms)} ms`;
    progress(`${c.id}: round ${round} of ${c.rounds}: ${latest}`);
  }
  const usage = { matmul: await matmul.close(), recorded: await recorded.close(), wasm: await wasm.close() };

  const ms = median(steps.map((s) => s.ms));
  const wasmMs = median(wasmSteps.map((s) => s.ms));
  const flop = products(c).reduce((sum, p) => sum + p.flop * p.times, 0);
  const rate = largeRate(median(rates.map((r) => r.large)));
  const matmulMs = median(rates.map((r) => r.step));
  return {
    case: c,
    agreement,
    wasmFeatures: firstWasm.features,
    recorded: {
      ms,
      least: Math.min(...steps.map((s) => s.ms)),
      update: median(steps.map((s) => s.update)),
      steps: steps.length,
      /** Tracing, encoding and ORT's loading: what the first step took longer. */
      compile: firstRecorded.ms - ms,
      peakMiB: usage.recorded.peakMiB,
    },
    wasm: {
      ms: wasmMs,
      least: Math.min(...wasmSteps.map((s) => s.ms)),
      steps: wasmSteps.length,
      peakMiB: usage.wasm.peakMiB,
    },
    ratio: wasmMs / ms,
    flop,
    rate,
    share: flop / 1e6 / ms / rate,
    ownRate: flop / 1e6 / matmulMs,
    ownShare: matmulMs / ms,
    cpuSeconds: Object.values(usage).reduce((sum, u) => sum + u.cpuSeconds, 0),
  };
}

/** Where a case's recorded step spends its time. */
export async function profileCase(c, threads, progress) {
  progress(`${c.id}: profile by operator`);
  const child = await Measurer.start('profile', c, threads);
  const result = await child.measure();
  const { cpuSeconds } = await child.close();
  return { ...result, cpuSeconds };
}

function compare(c, recorded, wasm) {
  const difference = (name) => Math.abs(recorded[name] - wasm[name]) / Math.abs(wasm[name]);
  const [loss, norm] = [difference('loss'), difference('norm')];
  // Written so that NaN fails too.
  if (!(loss <= LOSS_TOLERANCE && norm <= NORM_TOLERANCE)) {
    throw new Error(
      `${c.id}: the backends disagree, so timing them means nothing: loss ${recorded.loss} recorded, ${wasm.loss} on ` +
        `wasm; gradient norm ${recorded.norm}, ${wasm.norm}`,
    );
  }
  return { loss, norm };
}
