import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { readRun } from '../engine/journal.js';
import { type Comparison, type Contender, compareModels } from '../report/across.js';
import { comparisonTable } from '../report/across-table.js';
import { rightRows, rowStatistic } from '../report/row-answers.js';
import { renderTable } from '../ui/table.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { STATE } from './plan.js';
import { type FoundReport, type FoundRun, findReports } from './reports.js';

export interface CompareOptions {
  readonly json?: true;
  /** File to write. */
  readonly html?: string;
}

/** `recipe compare [run...]`: models of several runs, or of a matrix within one, on the same test rows. */
export async function compare(names: readonly string[], options: CompareOptions): Promise<ExitCode> {
  const runs: FoundRun[] = [];
  for (const name of names.length > 0 ? names : [undefined]) runs.push(await findReports(name));
  const reports = onSameRows(runs);
  const [first] = reports.flatMap(({ reports }) => reports) as [FoundReport];
  const comparison = compareModels(first.figure, first.answers.ids.length, contenders(reports), first.seed);
  const titles = await Promise.all(runs.map(({ title }) => titleOf(title)));
  if (options.html !== undefined) await writePage(options.html, comparison, titles);
  if (options.json) process.stdout.write(`${JSON.stringify(jsonOf(comparison, titles), null, 2)}\n`);
  else {
    const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
    process.stdout.write(`${renderTable(comparisonTable(comparison, titles), width).join('\n')}\n`);
  }
  return EXIT.ok;
}

/**
 * Of each run the reports on the rows that all have in common.
 * @throws UsageError if there are none, or it is not clear which
 */
function onSameRows(runs: readonly FoundRun[]): FoundRun[] {
  const keys = [...new Set(runs.flatMap(({ reports }) => reports.map(({ rows }) => rows)))];
  const common = keys.filter((key) => runs.every(({ reports }) => reports.some(({ rows }) => rows === key)));
  const of = (key: string): FoundReport[] => runs.flatMap(({ reports }) => reports.filter(({ rows }) => rows === key));
  // A teacher that was judged before anything learnt from it is not what is compared, where there are students.
  const students = common.filter((key) => of(key).some(({ models }) => models.some(({ role }) => role === 'student')));
  const [key, second] = students.length > 0 ? students : common;
  if (key === undefined) throw new UsageError(differing(runs));
  if (second !== undefined) {
    const list = [
      ...new Set(
        of(key)
          .concat(of(second))
          .map(({ step, answers }) => `${step} (${answers.ids.length} rows)`),
      ),
    ];
    throw new UsageError(
      `there are reports on different rows: ${list.join(', ')}. Name the step that is to be compared: RUN:STEP`,
    );
  }
  return runs.map((run) => ({ ...run, reports: run.reports.filter(({ rows }) => rows === key) }));
}

/** How the rows of two runs differ. */
function differing(runs: readonly FoundRun[]): string {
  const [first, ...others] = runs.map(({ title, reports }) => ({ title, report: reports.at(-1) as FoundReport }));
  const { title, report } = first as { title: string; report: FoundReport };
  const other = others.find((each) => each.report.rows !== report.rows) as { title: string; report: FoundReport };
  const name = (run: string, { step }: FoundReport): string => (step === run ? run : `"${step}" of ${run}`);
  const [one, two] = [name(title, report), name(other.title, other.report)];
  if (report.figure !== other.report.figure) {
    return `the tasks differ: ${one} compares models by ${report.figure}, ${two} by ${other.report.figure}`;
  }
  const known = new Set(other.report.answers.ids);
  const shared = report.answers.ids.filter((id) => known.has(id)).length;
  const [a, b] = [report.answers.ids.length, other.report.answers.ids.length];
  const how =
    shared === a && shared === b
      ? 'they are the same, but not what is right of them'
      : `${shared} of them are the same`;
  return (
    `the test rows differ: ${one} has ${a}, ${two} has ${b}, and ${how}. ` +
    'Figures on different rows do not compare: evaluate both on one split (the same source, seed and split of sample-data)'
  );
}

/** All models, each once: one that several runs have taken from the store is the same. */
function contenders(runs: readonly FoundRun[]): Contender[] {
  const found = new Map<string, Contender & { runs: number[] }>();
  for (const [place, { reports }] of runs.entries()) {
    for (const report of reports) {
      for (const [m, { name, role, type, parameters, bytes }] of report.models.entries()) {
        const key = JSON.stringify([name, role, type, parameters, bytes, report.answers.digests[m]]);
        const known = found.get(key);
        if (known) {
          if (!known.runs.includes(place + 1)) known.runs.push(place + 1);
          continue;
        }
        const statistic = rowStatistic(report.figure, report.answers, m, report.labels);
        if (statistic === undefined) throw new UsageError(`models cannot be compared by ${report.figure} here`);
        const time = report.times[m];
        found.set(key, {
          name,
          role,
          type,
          parameters,
          bytes,
          runs: [place + 1],
          ms: time?.median_ms ?? null,
          p95_ms: time?.p95_ms ?? null,
          statistic,
          right: rightRows(report.figure, report.answers, m),
        });
      }
    }
  }
  return [...found.values()];
}

/** A run with what it was started with. */
async function titleOf(title: string): Promise<string> {
  const record = await readRun(STATE, title).catch(() => undefined);
  if (record === undefined) return title;
  const settings = record.set.map((setting) => ` --set ${setting}`).join('');
  return `${title}, ${relative('', record.recipe) || record.recipe}${settings}`;
}

async function writePage(file: string, comparison: Comparison, titles: readonly string[]): Promise<void> {
  const { comparisonPage } = await import('../page/comparison.js');
  await writeFile(file, comparisonPage(comparison, titles)).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--html ${file}: the page cannot be written: ${error.message}`);
  });
}

const jsonOf = (comparison: Comparison, runs: readonly string[]) => ({ runs, ...comparison });
