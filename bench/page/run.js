import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeRun } from './make-run.js';

/**
 * `node bench/page/run.js [updates]`, after `npm run build`: how long `recipe report` takes, from its start to the
 * written file, and how large that is. Fails above 3 s or 3 MB (issue 7).
 */

const SECONDS = 3;
const BYTES = 3e6;
const TIMES = 5;
const BIN = fileURLToPath(new URL('../../bin/recipe.js', import.meta.url));

const updates = Number(process.argv[2] ?? 10_000);
const folder = mkdtempSync(join(tmpdir(), 'recipe-page-'));
try {
  await makeRun(join(folder, '.recipe'), { updates });
  const to = join(folder, 'report.html');
  const seconds = [];
  for (let i = 0; i < TIMES; i++) {
    const began = performance.now();
    execFileSync(process.execPath, [BIN, 'report', '--to', to], { cwd: folder });
    seconds.push((performance.now() - began) / 1000);
  }
  seconds.sort((a, b) => a - b);
  const [median, { size }] = [seconds[Math.floor(TIMES / 2)], statSync(to)];
  const told = `${updates} updates: ${median.toFixed(2)} s (median of ${TIMES}, least ${seconds[0].toFixed(2)}), ${(size / 1e6).toFixed(2)} MB`;
  process.stdout.write(`${told}\n`);
  if (median > SECONDS || size > BYTES) {
    process.stderr.write(`more than ${SECONDS} s or ${BYTES / 1e6} MB\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
