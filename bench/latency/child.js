// One model in a process of its own: node child.js file|folder PATH THREADS, and the protocol of side.js.
//   file    an ONNX file, with onnxruntime-node
//   folder  the model of a folder as evaluate and serve compute it: our own graph
import { closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createSession } from '../../dist/backend/onnx/session.js';
import { createRunner } from '../../dist/backend/runner.js';
import { loadTransformer } from '../../dist/models/checkpoint.js';
import { forward } from '../../dist/models/forward.js';
import { padTokens } from '../../dist/models/padding.js';
import { installedVersion } from '../../dist/util/installed-version.js';

const [role, path, threadsText] = process.argv.slice(2);
const threads = Number(threadsText);

async function ofFile() {
  const session = await createSession(path, 'cpu', threads, true);
  const names = new Set(session.inputs.map(({ name }) => name));
  return (ids) => {
    const shape = [ids.length, ids[0].length];
    const filled = (value) => new BigInt64Array(shape[0] * shape[1]).fill(value);
    const tensors = {
      input_ids: BigInt64Array.from(ids.flat(), BigInt),
      attention_mask: filled(1n),
      token_type_ids: filled(0n),
    };
    const feeds = Object.entries(tensors).filter(([name]) => names.has(name));
    const inputs = Object.fromEntries(feeds.map(([name, data]) => [name, { dtype: 'int64', shape, data }]));
    return async () => (await session.run(inputs, ['logits'])).logits;
  };
}

async function ofFolder() {
  const { config, parameters } = await loadTransformer(path);
  const runner = await createRunner('onnx', threads);
  const fn = {
    key: 'latency',
    call: (p, { ids, mask }) => ({
      logits: forward(config, p, { ids, mask, dropout: [], lastTokens: 'pooled' }).logits,
    }),
  };
  return (ids) => {
    const rows = ids.map((row) => Int32Array.from(row));
    return async () => {
      const batch = padTokens(rows, rows.length, rows[0].length, config.padId);
      return (await runner.forward(fn, parameters, batch)).logits;
    };
  };
}

const prepare = role === 'file' ? await ofFile() : await ofFolder();
const answer = {
  ready: () => ({
    version: `onnxruntime-node ${installedVersion('onnxruntime-node')}, Node.js ${process.versions.node}`,
  }),
  close: () => ({ peakMiB: process.resourceUsage().maxRSS / 1024 }),
  async run({ ids, count }) {
    const once = prepare(ids);
    const ms = [];
    let logits;
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      logits = await once();
      ms.push(performance.now() - start);
    }
    return { ms, logits: [...logits] };
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  writeSync(3, `${JSON.stringify(await answer[command.do](command))}\n`);
  if (command.do === 'close') break;
}
closeSync(3);
process.exit();
