// node bench/choosing/run.js: does it matter which mails are labelled? Chosen rows against random ones, at five sizes and
// over three seeds, with students of a second; writes docs/COVERAGE.md. Killed, it goes on where it stopped. After
// `npm run build`.
//
//   node bench/choosing/run.js                                                  all of it; half an hour
//   node bench/choosing/run.js --at FOLDER --to FILE --mails 600 --seeds 1      elsewhere, smaller: a try
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { METHODS, ordersOf, SIZES, STUDENTS, score } from './cells.js';
import { prepare } from './data.js';
import { pageOf } from './page.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    mails: { type: 'string', default: '0' },
    at: { type: 'string', default: join(root, '.choosing') },
    to: { type: 'string', default: join(root, 'docs/COVERAGE.md') },
  },
});
mkdirSync(values.at, { recursive: true });

/** One line a cell that is done. */
const file = join(values.at, `cells-${values.mails}.jsonl`);
const done = existsSync(file)
  ? readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
const seeds = values.seeds.split(',').map(Number);
for (const seed of seeds) {
  const lacking = (method, student) =>
    SIZES.filter(
      (size) =>
        !done.some(
          (cell) => cell.seed === seed && cell.method === method && cell.student === student && cell.size === size,
        ),
    );
  if (METHODS.every(({ name }) => STUDENTS.every((student) => lacking(name, student).length === 0))) continue;
  const data = await prepare(root, values.at, seed, Number(values.mails));
  for (const { name, choose } of METHODS) {
    for (const student of STUDENTS) {
      const sizes = lacking(name, student);
      if (sizes.length === 0) continue;
      const order = await ordersOf(data, seed, name, choose, student);
      for (const size of sizes) {
        const cell = { seed, method: name, student, size, ...(await score(data, order.slice(0, size), student)) };
        done.push(cell);
        appendFileSync(file, `${JSON.stringify(cell)}\n`);
        console.log(`seed ${seed}, ${name}, ${student}, ${size}: macro-F1 ${cell.macroF1.toFixed(4)}`);
      }
    }
  }
}
writeFileSync(
  values.to,
  pageOf(
    done.filter(({ seed }) => seeds.includes(seed)),
    Number(values.mails),
  ),
);
console.log(`wrote ${values.to}`);
