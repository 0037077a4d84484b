import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * A process that runs one model: each command is a line of its stdin, each answer a line of its file descriptor 3, both
 * JSON. `{do: 'ready'}` answers with its version, `{do: 'run', ids, count}` with milliseconds and the last logits,
 * `{do: 'close'}` with its largest memory.
 */
export class Side {
  /** @param {string} name @param {string} command @param {readonly string[]} args */
  static async start(name, command, args) {
    const side = new Side(name, spawn(command, args, { stdio: ['pipe', 2, 2, 'pipe'] }));
    side.version = (await side.ask({ do: 'ready' })).version;
    return side;
  }

  constructor(name, child) {
    this.name = name;
    this.child = child;
    /** Who waits for the next answer. */
    this.waiting = undefined;
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdio[3] }).on('line', (line) => this.waiting?.resolve(JSON.parse(line)));
    child.on('exit', (code, signal) => this.waiting?.reject(new Error(`${name} ended (${signal ?? code})`)));
  }

  ask(command) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.child.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }
}
