// What `npm pack` and `npm publish` do around the build (prepack, then prepare builds, then postpack).
//
// The lock file travels in the package as npm-shrinkwrap.json, so that users run the versions that were tested, and so
// that installing works everywhere: npm runs the install scripts of those packages whose entry in a lock file says
// `hasInstallScript`. No dependency of ours needs one, and onnxruntime-node's downloads CUDA and fails where it cannot.
// For the same reason package-lock.json has no such flag (test/package.test.ts).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const FILE = 'npm-shrinkwrap.json';

/** A lock file for users: without development packages. */
function shrinkwrap(lock) {
  const packages = {};
  for (const [path, { dev, devDependencies: _, ...entry }] of Object.entries(lock.packages)) {
    if (!dev) packages[path] = entry;
  }
  return { ...lock, packages };
}

switch (process.argv[2]) {
  case 'before':
    rmSync('dist', { recursive: true, force: true }); // may hold files whose source is gone
    writeFileSync(
      FILE,
      `${JSON.stringify(shrinkwrap(JSON.parse(readFileSync('package-lock.json', 'utf8'))), null, 2)}\n`,
    );
    break;
  case 'after':
    rmSync(FILE, { force: true }); // `npm ci` would take it for the lock file
    break;
  default:
    throw new Error('node scripts/pack.js before|after');
}
