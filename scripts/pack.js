// `npm pack` and `npm publish`: the lock file travels in the tarball, so that users run the versions that were tested.
// And so that installing works everywhere: npm runs the install scripts of those packages whose entry in a lock file
// says `hasInstallScript`. None of ours needs one, and onnxruntime-node's downloads CUDA and fails where it cannot.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const FILE = 'npm-shrinkwrap.json';

/**
 * What a user of the package installs: no development packages, no install scripts.
 * @param {{packages: Record<string, any>}} lock a package-lock.json
 */
export function shrinkwrap(lock) {
  const packages = {};
  for (const [path, { dev, hasInstallScript: _, devDependencies: __, ...entry }] of Object.entries(lock.packages)) {
    if (!dev) packages[path] = entry;
  }
  return { ...lock, packages };
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'remove') rmSync(FILE, { force: true });
  else
    writeFileSync(
      FILE,
      `${JSON.stringify(shrinkwrap(JSON.parse(readFileSync('package-lock.json', 'utf8'))), null, 2)}\n`,
    );
}
