import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Event } from '../../src/engine/event.js';
import { BIN } from '../cli/recipe.js';

const FIXTURE = join(import.meta.dirname, 'fixtures/recipe.mjs');

/** A run in a process of its own that tells its events, to be watched and killed. */
export class Live {
  readonly events: Event[] = [];
  /** Step processes; known of the fixture only. */
  readonly workers: number[] = [];
  /** All that it printed to stdout, line by line, and to stderr. */
  readonly lines: string[] = [];
  err = '';
  readonly exit: Promise<number | null>;
  private ended = false;
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  private constructor(cwd: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env } });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      this.lines.push(line);
      const message = JSON.parse(line) as Event | { type: 'worker'; pid: number };
      if (message.type === 'worker') this.workers.push(message.pid);
      else this.events.push(message);
      for (const check of this.waiting) check();
    });
    this.exit = new Promise((resolve) => {
      this.child.on('close', (code) => {
        this.ended = true;
        for (const check of this.waiting) check();
        resolve(code);
      });
    });
  }

  /** The real command line. */
  static cli(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Live {
    return new Live(cwd, [BIN, ...args, '--reporter', 'json'], env);
  }

  /** The same with a checkpoint after every update. */
  static fixture(cwd: string, args: readonly string[]): Live {
    return new Live(cwd, [FIXTURE, ...args], {});
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the events so far are like that; false if the process ended before. */
  async until(so: (events: readonly Event[]) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const check = (): void => {
        const met = so(this.events);
        if (!met && !this.ended) return;
        this.waiting.delete(check);
        resolve(met);
      };
      this.waiting.add(check);
      check();
    });
  }
}
