import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../../bin/recipe.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder of its own for one test. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const made = mkdtempSync(join(tmpdir(), 'recipe-cli-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

/** Runs the built command line as a real process. */
export async function recipe(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { ...process.env, ...env } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

/** Forty short texts of two kinds. */
export const ROWS = Array.from({ length: 40 }, (_, i) => {
  const words = i % 2 ? 'cheap pills win money' : 'meeting report thanks friday';
  return JSON.stringify({
    text: `${words} number${i} other${i * 7} third${i * 13} word${i * 17} end${i * 19}`,
    label: i % 2 ? 'spam' : 'ham',
  });
}).join('\n');

/** Takes a second or two; has a matrix. */
export const TINY = `version: 1
name: tiny
params:
  features: { type: integer, default: 100 }
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl }, deduplicate: { near: null } }
  model:
    uses: train
    matrix: { seed: [1, 2] }
    with:
      data: \${{ steps.corpus.outputs.train }}
      model: { type: logistic, max_features: "\${{ params.features }}" }
outputs:
  model: \${{ steps.model.outputs.model }}
`;
