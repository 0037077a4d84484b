import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { OutputRef } from '../engine/event.js';
import { didYouMean } from '../engine/suggest.js';
import { type RowAnswers, readRowAnswers } from '../report/row-answers.js';
import { canonicalJson, sha256 } from '../util/canonical.js';
import type { JsonObject } from '../util/json.js';
import { UsageError } from './exit.js';
import { artifactFolder, readMade } from './made.js';

/** A model as reports of all tasks have it. */
export interface ReportedModel {
  readonly name: string;
  readonly role: 'teacher' | 'student' | 'baseline';
  readonly type: string | null;
  readonly parameters: number | null;
  readonly bytes: number | null;
}

/** A report of `evaluate`, `evaluate-matching` or `evaluate-responses`, with every model's answers. */
export interface FoundReport {
  /** The step instance that made it, or the folder. */
  readonly step: string;
  readonly figure: string;
  readonly labels: readonly string[];
  readonly models: readonly ReportedModel[];
  readonly answers: RowAnswers;
  /** The same where task, rows and what is right of each are. */
  readonly rows: string;
  readonly seed: number;
  /** Times, in the order of the models; none where they were not measured. */
  readonly times: readonly { readonly median_ms?: number; readonly p95_ms?: number }[];
}

/** What was named on the command line. */
export interface FoundRun {
  /** As a person knows it. */
  readonly title: string;
  readonly reports: readonly FoundReport[];
}

/**
 * The reports of a run: `RUN`, `RUN:STEP`, a folder that holds a report, or undefined, the last run.
 * @throws UsageError if there is none, or none whose models' answers are kept
 */
export async function findReports(name: string | undefined): Promise<FoundRun> {
  const found = name === undefined ? undefined : await stat(name).catch(() => undefined);
  if (name !== undefined && found?.isDirectory()) {
    const report = await readReport(name, name, undefined);
    if (report === undefined)
      throw new UsageError(`${resolve(name)} holds no report of evaluate with predictions.jsonl`);
    return { title: name, reports: [report] };
  }
  const colon = name?.indexOf(':') ?? -1;
  const [run, step] = colon < 0 ? [name, undefined] : [name?.slice(0, colon), name?.slice(colon + 1)];
  const { id, made } = await readMade(run === '' ? undefined : run);
  const reports: FoundReport[] = [];
  for (const [instance, { outputs }] of made) {
    if (step !== undefined && ![instance, instance.replace(/\[.*\]$/, '')].includes(step)) continue;
    const ref = Object.values(outputs).find(({ kind }) => kind === 'report');
    if (ref === undefined || !('digest' in ref)) continue;
    const folder = await artifactFolder(ref.digest, `the report of "${instance}" of run ${id}`);
    const report = await readReport(folder, instance, outputs);
    if (report) reports.push(report);
  }
  if (reports.length > 0) return { title: id, reports };
  if (step !== undefined && !made.has(step)) {
    const names = [...made.keys()];
    throw new UsageError(
      `run ${id} has no finished step "${step}". ${didYouMean(step, names) ?? `It has ${names.join(', ')}.`}`,
    );
  }
  throw new UsageError(
    `run ${id} has no report to compare: ${step === undefined ? 'no step' : `step "${step}" does not`} ${step === undefined ? 'evaluates' : 'evaluate'} models by figures of single rows, as those of task classification, tagging, multi-label and regression, evaluate-matching and evaluate-responses do`,
  );
}

/** Undefined where the folder holds another kind of report. */
async function readReport(
  folder: string,
  step: string,
  outputs: Readonly<Record<string, OutputRef>> | undefined,
): Promise<FoundReport | undefined> {
  const read = (file: string): Promise<string | undefined> =>
    readFile(join(folder, file), 'utf8').catch(() => undefined);
  const [json, lines] = [await read('report.json'), await read('predictions.jsonl')];
  if (json === undefined || lines === undefined) return undefined;
  try {
    const report = JSON.parse(json) as JsonObject & { models: ReportedModel[]; bootstrap: { seed: number } };
    const answers = readRowAnswers(lines);
    if (answers.answers.length !== report.models.length) return undefined;
    const figure = String(report.compared_by ?? 'macro_f1');
    const timing = Object.values(outputs ?? {}).find((ref) => 'value' in ref);
    const measured = (timing && 'value' in timing ? (timing.value as JsonObject | null)?.models : undefined) ?? [];
    return {
      step,
      figure,
      labels: (report.labels ?? []) as string[],
      models: report.models,
      answers,
      rows: sha256(canonicalJson([report.task ?? 'classification', figure, [...answers.ids], [...answers.truth]])),
      seed: report.bootstrap.seed,
      times: measured as FoundReport['times'],
    };
  } catch (error) {
    throw new UsageError(`${folder} holds a report that cannot be read: ${(error as Error).message}`);
  }
}
