// npm run results: runs the recipes over three seeds and writes docs/RESULTS.md. Killed, it goes on where it stopped: what is
// finished is in the store of its workplace.
//
//   npm run results                                             all of them; hours
//   npm run results -- --recipes tinybert,tagger --seeds 1,2     some
//   npm run results -- --at FOLDER --set tinybert:params.mails=600      elsewhere, smaller: a try, which the page tells
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { read, secondsOf } from './figures.js';
import { pageOf } from './page.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/**
 * Those whose own matrix has three seeds are run once. `twins`: of a student, those that it is held against; without them, the
 * evaluation's baseline. `last`: of a student that is there round after round, the last round's counts. `others`: models that are judged as students and are none: teachers, twins, yardsticks.
 */
const RECIPES = [
  { name: 'tinybert', others: ['bag-of-words'] },
  { name: 'distilbert' },
  { name: 'tagger' },
  { name: 'matching' },
  { name: 'few-labels', once: true, twins: { bert: ['bert-alone'] } },
  { name: 'multi-teacher', others: ['meaning', 'network'] },
  { name: 'self-distill' },
  { name: 'online-distill' },
  { name: 'multitask' },
  { name: 'llm-labels-logistic' },
  { name: 'llm-labels-bert' },
  { name: 'active-labels', last: true },
  { name: 'llm-responses' },
  { name: 'progressive-minillm', twins: { student: ['alone', 'sequence-level'] } },
];

const { values } = parseArgs({
  options: {
    recipes: { type: 'string' },
    seeds: { type: 'string', default: '1,2,3' },
    at: { type: 'string', default: join(root, '.results') },
    to: { type: 'string', default: join(root, 'docs/RESULTS.md') },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const wanted = values.recipes?.split(',');
const unknown = wanted?.find((name) => !RECIPES.some((recipe) => recipe.name === name));
if (unknown) {
  console.error(`there is no recipe "${unknown}" here; there are ${RECIPES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const seeds = values.seeds.split(',').map(Number);
const settings = values.set.map((each) => /^([\w-]+):(.+)$/.exec(each) ?? refuse(each));
mkdirSync(values.at, { recursive: true });

const results = [];
for (const { name, once, twins = {}, others = [], last = false } of RECIPES.filter(
  (recipe) => !wanted || wanted.includes(recipe.name),
)) {
  const set = settings.filter(([, recipe]) => recipe === name).map(([, , assignment]) => assignment);
  const runs = [];
  for (const seed of once ? [undefined] : seeds) {
    console.log(`${name}${seed === undefined ? '' : `, seed ${seed}`}`);
    runs.push({ seed, ...(await run(name, seed, set)) });
  }
  results.push({ name, set, runs, twins, others, last });
}
const left = RECIPES.map(({ name }) => name).filter((name) => !results.some((result) => result.name === name));
writeFileSync(values.to, pageOf(results, left));
console.log(`wrote ${values.to}`);

/** One run of a recipe with a seed: what each of its evaluations found, and how long its steps took. */
async function run(name, seed, set) {
  const text = readFileSync(join(root, 'recipes', `${name}.yaml`), 'utf8');
  const file = join(values.at, seed === undefined ? `${name}.yaml` : `${name}-seed-${seed}.yaml`);
  writeFileSync(file, seed === undefined ? text : text.replace(/^seed: \d+$/m, `seed: ${seed}`));
  const args = ['run', file, '--reporter', 'json', ...set.flatMap((assignment) => ['--set', assignment])];
  const child = spawn(process.execPath, [join(root, 'bin/recipe.js'), ...args], {
    cwd: values.at,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (some) => {
    out += some;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) process.exit(code);
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  // By name: which of two ends first is chance.
  const finished = events.filter(({ type }) => type === 'step-finished').sort((a, b) => (a.step < b.step ? -1 : 1));
  return { steps: finished.flatMap((event) => read(values.at, event)), seconds: secondsOf(values.at, finished) };
}

function refuse(text) {
  console.error(`--set ${text}: write RECIPE:NAME=VALUE`);
  process.exit(2);
}
