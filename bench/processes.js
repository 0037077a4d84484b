import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

/** A child process that measures one thing; see `child.js`. */
export class Measurer {
  /** @param {'recorded' | 'wasm' | 'matmul' | 'profile'} role @param {import('./cases.js').Case} c @param {number} threads */
  static async start(role, c, threads) {
    // tfjs greets on stdout, which is the report's.
    const child = fork(CHILD, [role, JSON.stringify(c), String(threads)], { stdio: ['ignore', 2, 2, 'ipc'] });
    const measurer = new Measurer(role, child);
    await measurer.answer();
    return measurer;
  }

  constructor(role, child) {
    this.role = role;
    this.child = child;
  }

  /** One measurement. */
  async measure() {
    return (await this.measureMany(1))[0];
  }

  /** So many, one right after the other, as training has them. */
  measureMany(count) {
    return this.ask({ measure: count });
  }

  /** Ends the process. @returns {Promise<{peakMiB: number, cpuSeconds: number}>} */
  async close() {
    const usage = await this.ask('close');
    this.child.disconnect();
    await once(this.child, 'exit');
    return usage;
  }

  ask(message) {
    this.child.send(message);
    return this.answer();
  }

  answer() {
    return new Promise((resolve, reject) => {
      const ended = (code, signal) => reject(new Error(`the process "${this.role}" ended early (${signal ?? code})`));
      this.child.once('exit', ended);
      this.child.once('message', (message) => {
        this.child.off('exit', ended);
        resolve(message);
      });
    });
  }
}
