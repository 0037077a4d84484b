// Assembles src/**/*.wat into a TypeScript module beside each, so that nothing is assembled or read at run time.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

export const SOURCES = ['src/train/wasm/adamw.wat', 'src/train/wasm/keep.wat'];

/** The text of the module that belongs to a .wat file. */
export async function assemble(source) {
  const { parseWat } = await wabt();
  const module = parseWat(source, readFileSync(source, 'utf8'), { simd: true });
  const { buffer } = module.toBinary({});
  const name = source.split('/').pop();
  const lines = Buffer.from(buffer)
    .toString('base64')
    .match(/.{1,110}/g);
  return `// Generated from ${name} by \`npm run generate\`.\nexport const binary =\n${lines.map((l) => `  '${l}'`).join(' +\n')};\n`;
}

if (process.argv[1] === import.meta.filename) {
  for (const source of SOURCES) writeFileSync(source.replace(/\.wat$/, '.ts'), await assemble(source));
}
