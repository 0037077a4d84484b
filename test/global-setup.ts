import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const stamp = join(dist, '.built');

/**
 * Worker processes run compiled code: `dist/` is brought up to date if a source file is newer. Types are the business
 * of `npm run typecheck`. Files that did not change are left alone and the others are renamed into place, so that
 * processes of tests that run at the same time never read half a file.
 */
export default function setup(): void {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const newest = Math.max(...sources.map((path) => statSync(join(root, 'src', path)).mtimeMs));
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newest) return;
  const started = new Date();
  // Beside `dist/`, so that source maps point to the same places.
  const fresh = join(root, `.dist-${process.pid}`);
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json', '--outDir', fresh], { cwd: root, stdio: 'pipe' });
  } catch (error) {
    console.warn(String((error as { stdout?: Buffer }).stdout));
  }
  process.on('exit', () => rmSync(fresh, { recursive: true, force: true }));
  if (!existsSync(join(fresh, 'engine', 'worker.js'))) throw new Error('the sources could not be compiled');
  for (const path of readdirSync(fresh, { recursive: true, encoding: 'utf8' })) {
    const [from, to] = [join(fresh, path), join(dist, path)];
    if (!statSync(from).isFile()) continue;
    if (existsSync(to) && readFileSync(to).equals(readFileSync(from))) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
  rmSync(fresh, { recursive: true });
  writeFileSync(stamp, '');
  utimesSync(stamp, started, started);
}
