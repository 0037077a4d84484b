import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '../../src/engine/event.js';
import { BIN } from '../cli/recipe.js';

const FIXTURE = join(import.meta.dirname, 'fixtures/recipe.mjs');

/** Where a process waits to be killed or let go on. */
export interface Moment {
  readonly in: 'engine' | 'worker';
  /** Undefined: from the start on. */
  readonly event?: Event['type'];
  readonly step?: string;
  /** Which of these events, counted from 1. Default: 1. */
  readonly count?: number;
  /** Before so many calls of the file system after that; the second number: and once more, so many calls later. */
  readonly calls: readonly [number] | readonly [number, number];
}

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
  private file = '';
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

  /** The same with a checkpoint after every update, which waits at a moment if there is one. */
  static fixture(cwd: string, args: readonly string[], moment?: Moment): Live {
    if (!moment) return new Live(cwd, [FIXTURE, ...args], {});
    const file = join(mkdtempSync(join(cwd, 'moment-')), 'held');
    const live = new Live(cwd, [FIXTURE, ...args], {
      RECIPE_MOMENT: JSON.stringify({ event: null, count: 1, ...moment, file }),
    });
    live.file = file;
    return live;
  }

  /** Waits until it waits there; false if the run ended before. */
  async held(time: 1 | 2): Promise<boolean> {
    while (!this.ended) {
      if (existsSync(`${this.file}.${time}`)) return true;
      await sleep(5);
    }
    return false;
  }

  goOn(): void {
    writeFileSync(`${this.file}.1.go`, '');
  }

  killWorkers(): void {
    for (const pid of this.workers) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It had ended already.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
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
