import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { BACKENDS, type Backend } from '../backend/runner.js';
import { wrap } from '../ui/format.js';
import type { ProbeResult } from './doctor-probe.js';
import { EXIT, type ExitCode } from './exit.js';

const PROBE = fileURLToPath(new URL('./doctor-probe.js', import.meta.url));
const LONGEST_MS = 60_000;

const WHAT: Readonly<Record<Backend, string>> = {
  onnx: 'ONNX Runtime on the CPU, what recipes use by default',
  'onnx-cuda': 'ONNX Runtime on an NVIDIA GPU',
  'onnx-dml': 'ONNX Runtime on DirectML (Windows)',
  'onnx-coreml': 'ONNX Runtime on Core ML (macOS)',
  'tfjs-node': 'TensorFlow on the CPU',
  'tfjs-node-gpu': 'TensorFlow on an NVIDIA GPU',
  wasm: 'TensorFlow.js in WebAssembly',
  cpu: 'TensorFlow.js in plain JavaScript',
};

/** `recipe doctor`: which backends work here, how fast, and what the others lack. */
export async function doctor(options: { readonly threads?: number }): Promise<ExitCode> {
  const threads = options.threads ?? availableParallelism();
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  const write = (lines: readonly string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);
  write([
    `recipe ${version}, Node ${process.version}, ${platform()} ${arch()}`,
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} CPUs, ${memory} GiB of memory`,
    '',
    'backend        GFLOP/s  (matrix products; more is faster)',
  ]);
  let usable = 0;
  for (const backend of BACKENDS) {
    const result = await probe(backend, threads);
    const name = backend.padEnd(13);
    if ('rate' in result) {
      usable++;
      const rate = result.rate >= 10 ? result.rate.toFixed(0) : result.rate.toFixed(1);
      write([`${name} ${rate.padStart(8)}  ${WHAT[backend]}`]);
    } else {
      const width = Math.min(process.stdout.columns || 100, 120);
      const indent = ' '.repeat(24);
      write([`${name}       no  ${WHAT[backend]}`, ...wrap(result.why, width, indent)]);
      if (result.hint) write(wrap(result.hint, width, indent));
    }
  }
  const chosen = process.env.RECIPE_BACKEND;
  if (chosen) write(['', `RECIPE_BACKEND is ${chosen}: recipes that name no backend use it.`]);
  return usable > 0 ? EXIT.ok : EXIT.failed;
}

function probe(backend: Backend, threads: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let errors = '';
    const child = fork(PROBE, [backend, String(threads)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    child.stderr?.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    child.on('message', (result: ProbeResult) => resolve(result));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const last = errors.trim().split('\n').at(-1);
      resolve({ why: `its process ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ''}` });
    });
  });
}
