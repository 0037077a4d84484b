#!/usr/bin/env node
// Plain JavaScript that old versions of Node can parse: it has to tell their users what is missing.
import { existsSync } from 'node:fs';
import module from 'node:module';

const [major, minor] = process.versions.node.split('.').map(Number);
const cli = new URL('../dist/cli.js', import.meta.url);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`recipe needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
  process.exitCode = 2;
} else if (!existsSync(cli)) {
  console.error('recipe is not built yet: run "npm run build" in its folder.');
  process.exitCode = 2;
} else {
  // From Node 22 on: parsed code is kept from one start to the next.
  module.enableCompileCache?.();
  await import(cli.href);
}
