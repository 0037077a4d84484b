// Runs when the package is installed from a tarball. onnxruntime-node's own install script downloads CUDA libraries from
// outside npm, which nothing here uses, and fails the whole installation where it cannot; it is done if it finds the
// files it would bring. npm runs every package's preinstall before anyone's postinstall, so they are put in its way,
// empty. Whoever wants CUDA says so to that script (ONNXRUNTIME_NODE_INSTALL=cuda12), and is then left alone.
//
// From a registry none of this is needed (see pack.js), nor in this repository.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const asked = Object.keys(process.env).some((name) => /^(npm_config_)?onnxruntime_node_install/i.test(name));
if (!asked && import.meta.dirname.includes('node_modules')) fill();

function fill() {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}/${process.arch}`;
  try {
    const script = dirname(require.resolve('onnxruntime-node/script/install.js'));
    const { requirements, manifests } = require(join(script, 'install-metadata.js'));
    for (const name of requirements[platform] ?? []) {
      for (const file of Object.keys(manifests[`${platform}:${name}`])) {
        const path = join(script, '../bin/napi-v6', platform, file);
        if (!existsSync(path)) writeFileSync(path, '');
      }
    }
  } catch {
    // Another version of onnxruntime-node may look otherwise: then its own script decides.
  }
}
