// Runs when the package is installed with install scripts. onnxruntime-node's own install script downloads CUDA libraries
// from outside npm, which nothing here uses, and fails the whole installation where it cannot; it is done if it finds the
// files that it would bring. npm runs every package's preinstall before anyone's postinstall, so they are put in its way,
// empty. Left alone are those who want CUDA: who say so to that script (ONNXRUNTIME_NODE_INSTALL=cuda12), or whose project
// depends on onnxruntime-node itself.
//
// From a registry npm does not even run that script (see pack.js), nor in this repository.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const asked = Object.keys(process.env).some((name) => /^(npm_config_)?onnxruntime_node_install/i.test(name));
try {
  if (!asked && __dirname.includes('node_modules') && !projectUsesIt()) fill();
} catch {
  // Another version of onnxruntime-node may look otherwise, or nothing may be written here: its own script decides.
}

function projectUsesIt() {
  try {
    const project = JSON.parse(readFileSync(join(process.env.INIT_CWD, 'package.json'), 'utf8'));
    return ['dependencies', 'devDependencies'].some((key) => project[key]?.['onnxruntime-node'] !== undefined);
  } catch {
    return false; // a global installation
  }
}

function fill() {
  const platform = `${process.platform}/${process.arch}`;
  const script = dirname(require.resolve('onnxruntime-node/script/install.js'));
  const { requirements, manifests } = require(join(script, 'install-metadata.js'));
  for (const name of requirements[platform] ?? []) {
    for (const file of Object.keys(manifests[`${platform}:${name}`])) {
      const path = join(script, '../bin/napi-v6', platform, file);
      if (!existsSync(path)) writeFileSync(path, '');
    }
  }
}
