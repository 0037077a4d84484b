import { fixture } from './fixture.js';

/**
 * One thing to measure in a process of its own, so that its peak memory is its own. Answers each message in turn:
 * `{measure: n}` with n measurements as its role does, `close` with what the process used.
 */

const [role, json, threadsText] = process.argv.slice(2);
const c = JSON.parse(json);
const threads = Number(threadsText);

async function stepper(createRunner) {
  const runner = await createRunner();
  const { stage, optimizer, batch, rate } = fixture(c);
  return async () => {
    const start = performance.now();
    const { values, gradients } = await runner.gradients(stage.fn, optimizer.parameters, batch);
    const computed = performance.now();
    optimizer.add(gradients);
    const norm = optimizer.apply(rate);
    const end = performance.now();
    return { loss: values.loss[0], norm, ms: end - start, update: end - computed };
  };
}

const roles = {
  async recorded() {
    const { createRunner } = await import('../dist/backend/runner.js');
    return stepper(() => createRunner('onnx', threads));
  },
  async wasm() {
    const { wasmFeatures, wasmRunner } = await import('./wasm.js');
    const step = await stepper(wasmRunner);
    return async () => ({ ...(await step()), features: await wasmFeatures() });
  },
  async matmul() {
    const { MatmulBench, products } = await import('./matmul.js');
    const bench = new MatmulBench(products(c), threads);
    return () => bench.measure();
  },
  async profile() {
    const { profile } = await import('./profile.js');
    return () => profile(c, threads);
  },
};

// The comparison with PyTorch has more of them.
const own = roles[role] ? undefined : (await import('./peers/own.js'))[role];
const measure = await (own ? own(c, threads) : roles[role]());
process.on('disconnect', () => process.exit());
process.on('message', async (message) => {
  if (message.measure) {
    const results = [];
    for (let i = 0; i < message.measure; i++) results.push(await measure());
    return process.send(results);
  }
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.send({ peakMiB: maxRSS / 1024, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 });
});
process.send('ready');
