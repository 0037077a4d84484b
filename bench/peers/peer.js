import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('peer.py', import.meta.url));
/** Characters of stderr that are kept for the message when the process dies. */
const TAIL = 4000;

/** A Python process that measures one thing with PyTorch; see `peer.py`. */
export class Peer {
  /**
   * Resolves when the model and its data are loaded.
   *
   * @param {string} python
   * @param {string} role
   * @param {{threads: number}} c the case, as `peer.py` takes it
   * @returns {Promise<Peer>}
   */
  static async start(python, role, c) {
    const peer = new Peer(role, spawn(python, ['-W', 'ignore', SCRIPT, role], { env: environment(c.threads) }));
    peer.write(c);
    /** @type {{python: string, torch: string, transformers: string, importedMiB: number}} */
    peer.versions = await peer.ask({ do: 'ready' });
    return peer;
  }

  /** @param {string} role @param {import('node:child_process').ChildProcessWithoutNullStreams} child */
  constructor(role, child) {
    this.role = role;
    this.child = child;
    this.stderr = '';
    /** Who waits for an answer, oldest first. */
    this.waiting = [];
    /** Why no more answers come, once that is so. */
    this.ended = undefined;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr = (this.stderr + text).slice(-TAIL);
    });
    // A write to a process that has died; `close` tells of it.
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.end(error.message));
    child.on('close', (code, signal) => this.end(`ended (${signal ?? code})`));
    createInterface({ input: child.stdout }).on('line', (line) => this.waiting.shift()?.resolve(JSON.parse(line)));
  }

  /**
   * @param {{do: 'agree' | 'run' | 'ready' | 'close', count?: number}} command
   * @returns {Promise<object>}
   * @throws if the process dies first, with the end of what it wrote to stderr
   */
  ask(command) {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.waiting.push({ resolve, reject });
      this.write(command);
    });
  }

  /** Ends the process. @returns {Promise<{peakMiB: number, cpuSeconds: number, childrenCpuSeconds: number}>} */
  async close() {
    const gone = once(this.child, 'close');
    const usage = await this.ask({ do: 'close' });
    this.child.stdin.end();
    await gone;
    return usage;
  }

  write(value) {
    this.child.stdin.write(`${JSON.stringify(value)}\n`);
  }

  end(reason) {
    this.ended ??= new Error(`the Python process "${this.role}" ${reason}:\n${this.stderr.trim()}`);
    for (const { reject } of this.waiting.splice(0)) reject(this.ended);
  }
}

/** Ours without what would change how fast Python computes. */
function environment(threads) {
  const changing = /^(OPENBLAS|OMP|MKL|GOMP|KMP|TORCH|PYTORCH)_|^(LD_PRELOAD|PYTHONPATH)$/;
  const kept = Object.entries(process.env).filter(([name]) => !changing.test(name));
  return { ...Object.fromEntries(kept), OMP_NUM_THREADS: String(threads) };
}
