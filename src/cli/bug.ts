import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** One line on stderr; the stack goes into a file. */
export function reportBug(error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const file = join(existsSync('.recipe') ? resolve('.recipe') : tmpdir(), 'recipe-internal-error.log');
  let where = `log: ${file}`;
  try {
    writeFileSync(file, `${new Date().toISOString()} ${process.argv.slice(2, 3).join(' ')}\n${stack ?? message}\n`);
  } catch (problem) {
    where = `no log could be written: ${problem instanceof Error ? problem.message : String(problem)}`;
  }
  process.stderr.write(`internal error: ${message.split('\n')[0]}\n  This is a bug in recipe. ${where}\n`);
}
