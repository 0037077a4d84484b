import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Row, rowId, writeDataset } from '../../../src/data/dataset.js';
import { queryTeacher } from '../../../src/steps/query-teacher.js';
import type { JsonObject } from '../../../src/util/json.js';
import { runStep, type TestContext, temporaryFolder } from '../../steps/context.js';
import { asked, type ChatBody, oneToken, type ServerOptions, TeacherServer } from './server.js';

export const LABELS = ['ham', 'spam'];

/** Rows `text 0`, `text 1`, …; every third is spam, and the teacher knows. */
export const textOf = (i: number): string => `text ${i}`;
export const isSpam = (text: string): boolean => Number(/\d+/.exec(text)?.[0]) % 3 === 0;
export const spamProbability = (text: string): number => (isSpam(text) ? 0.8 : 0.25);

export async function serve(options: Partial<ServerOptions> = {}): Promise<TeacherServer> {
  const server = await TeacherServer.start({ answer: classifierAnswer, ...options });
  onTestFinished(() => server.stop());
  return server;
}

/** What a classifier says, with log-probabilities. */
export function classifierAnswer(body: ChatBody) {
  const spam = spamProbability(asked(body));
  return oneToken(spam > 0.5 ? 'spam' : 'ham', { spam, ham: 1 - spam });
}

export async function dataset(rows: readonly Partial<Row>[], labels: readonly string[] = LABELS): Promise<string> {
  const folder = join(await temporaryFolder(), 'data');
  await mkdir(folder);
  await writeDataset(
    folder,
    labels,
    rows.map((row) => ({ label: null, text: '', ...row, id: row.id ?? rowId(row.text ?? '', row.fields) })),
  );
  return folder;
}

export const numbered = (count: number): Promise<string> =>
  dataset(Array.from({ length: count }, (_, i) => ({ text: textOf(i) })));

/** The step on a root of its own, or on an earlier one's. */
export async function query(
  data: string,
  options: JsonObject & { teacher: JsonObject },
  more: { root?: string; signal?: AbortSignal; calibration?: string } = {},
): Promise<TestContext> {
  const { calibration, ...rest } = more;
  return runStep(queryTeacher, {
    options: { task: { mode: 'classify' }, ...options },
    inputs: {
      data: { kind: 'dataset', path: data },
      ...(calibration === undefined ? {} : { calibration: { kind: 'dataset', path: calibration } }),
    },
    ...rest,
  });
}

export async function lines<T>(folder: string | undefined): Promise<T[]> {
  const text = await readFile(join(folder as string, 'rows.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
