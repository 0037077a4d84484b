import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { median } from '../numbers.js';
import { writeTexts } from './texts.js';

/**
 * `npm run build && bash bench/data/install.sh && node bench/data/run.js`: near duplicates of 100,000 texts beside
 * datasketch, a million rows sampled beside polars, each in turn; prints the report and writes it to `bench/DATA.md`.
 * `--texts 1000 --rows 10000 --rounds 1` to try it.
 */
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const PYTHON = here('.venv/bin/python');
/** How much longer, and how much more memory, than theirs is all right. */
const LIMIT = 1.5;
const MOST_MEGABYTES = 500;

const { values } = parseArgs({
  options: {
    texts: { type: 'string', default: '100000' },
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
  },
});
const CASES = [
  { task: 'minhash', title: 'near duplicates', rows: Number(values.texts), words: 100, theirs: 'datasketch' },
  {
    task: 'sample',
    title: 'equal texts dropped, split, written',
    rows: Number(values.rows),
    words: 20,
    theirs: 'polars',
  },
];

const run = async (command, args) => JSON.parse((await promisify(execFile)(command, args)).stdout);

const work = await mkdtemp(join(tmpdir(), 'bench-data-'));
try {
  const lines = [
    '# Data, measured',
    '',
    `${cpus()[0]?.model.trim()} × ${cpus().length}, Node ${process.version.slice(1)}, load ${loadavg()[0]?.toFixed(1)}; \`node bench/data/run.js\`; median of ${values.rounds} rounds. Ours may take ${LIMIT} times theirs, and a million rows ${MOST_MEGABYTES} MB.`,
    '',
    '| what | rows | side | seconds | peak MB | rows kept |',
    '| --- | ---: | --- | ---: | ---: | ---: |',
  ];
  for (const { task, title, rows, words, theirs } of CASES) {
    const file = join(work, `${task}.jsonl`);
    writeTexts(file, rows, words);
    const sides = { ours: [process.execPath, here('ours.js')] };
    if (existsSync(PYTHON)) sides[theirs] = [PYTHON, here('peers.py')];
    const found = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [side, [command, script]] of Object.entries(sides)) {
        process.stderr.write(`${task}, ${side}, round ${round + 1}\n`);
        found[side].push(await run(command, [script, task, file]));
      }
    }
    const of = (side, key) => median(found[side].map((each) => each[key]));
    for (const side of Object.keys(sides)) {
      const [seconds, megabytes] = [of(side, 'seconds').toFixed(1), of(side, 'megabytes').toFixed(0)];
      const cells = [
        title,
        rows.toLocaleString('en-US'),
        side,
        seconds,
        megabytes,
        of(side, 'rows').toLocaleString('en-US'),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
    if (sides[theirs]) {
      const ratio = (key) => (of('ours', key) / of(theirs, key)).toFixed(2);
      lines.push(`| | | ours / ${theirs} | ${ratio('seconds')} | ${ratio('megabytes')} | |`);
    }
  }
  const text = `${lines.join('\n')}\n`;
  writeFileSync(here('../DATA.md'), text);
  process.stdout.write(text);
} finally {
  await rm(work, { recursive: true });
}
