import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What models are compared by in each kind of report, and whether more of it is better. */
const FIGURES = [
  ['macro_f1', 'macro-F1', true],
  ['mrr', 'MRR', true],
  ['rouge_l', 'Rouge-L', true],
  ['bits_per_byte', 'bits per byte', false],
  ['loss', 'loss', false],
];

/**
 * What the steps of a run took, added up, whichever run of the workplace did the work: what is finished is not done again.
 * @param events of type step-finished
 */
export function secondsOf(workplace, events) {
  const runs = join(workplace, '.recipe/runs');
  const seconds = new Map();
  for (const run of readdirSync(runs)) {
    const file = join(runs, run, 'events.jsonl');
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (!line.includes('"step-finished"')) continue;
      const event = JSON.parse(line);
      if (!event.cached) seconds.set(event.fingerprint, event.seconds);
    }
  }
  return events.reduce((sum, { fingerprint }) => sum + (seconds.get(fingerprint) ?? 0), 0);
}

/**
 * An evaluation that a step has made: its models, each with the figure that they are compared by; nothing of other steps.
 * @param workplace where `.recipe` is
 * @param event of type step-finished
 */
export function read(workplace, { step, outputs }) {
  const report = Object.values(outputs).find(({ kind }) => kind === 'report');
  if (!report) return [];
  const folder = join(workplace, '.recipe/store/artifacts', report.digest.slice(0, 2), report.digest);
  const file = join(folder, 'report.json');
  if (!existsSync(file)) return [];
  const { models, compared_by: by } = JSON.parse(readFileSync(file, 'utf8'));
  if (!Array.isArray(models)) return [];
  const timings = Object.values(outputs).find(({ kind }) => kind === 'measurement')?.value?.models ?? [];
  const found = models.map((model) => {
    const [name, label, more] = figureOf(model, by);
    const timing = timings.find((each) => each.name === model.name && each.role === model.role);
    return {
      name: model.name,
      role: model.role,
      parameters: model.parameters,
      ms: timing?.median_ms,
      figure: { name: label, more, value: numberOf(model, name) },
    };
  });
  return found.some(({ figure }) => figure.value === undefined) ? [] : [{ step, models: found }];
}

function figureOf(model, by) {
  const known = FIGURES.find(([name]) => (by ? name === by : numberOf(model, name) !== undefined));
  if (known) return known;
  return by ? [by, by.replace(/_/g, ' '), !['mae', 'rmse', 'loss'].includes(by)] : ['', '', true];
}

function numberOf(model, name) {
  const value = model[name] ?? model.figures?.[name];
  return typeof value === 'object' && value !== null ? value.value : (value ?? undefined);
}
