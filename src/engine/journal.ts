import { closeSync, fdatasyncSync, openSync, truncateSync, writeSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from './event.js';
import { fileName, isMissing, namesIn, readJson, writeSynced } from './files.js';
import { type Machine, thisMachine } from './machine.js';

/** What a run was started with: enough to start it again. */
export interface RunRecord {
  readonly version: 1;
  readonly id: string;
  /** Absolute path of the recipe. */
  readonly recipe: string;
  readonly name: string;
  /** `--set` as given, e.g. `params.gold=200`. */
  readonly set: readonly string[];
  readonly threads: number;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly pid: number;
  /** Absent from runs of earlier versions. */
  readonly machine?: Machine;
}

/** The run's own copy of its recipe. */
const RECIPE = 'recipe.yaml';
/** At most this many milliseconds of progress are lost to the journal; the reporter sees every report. */
const PROGRESS_EVERY = 1000;

/** The append-only record of one run, `.recipe/runs/<id>/events.jsonl`, one event a line. */
export class Journal {
  private closed = false;
  private readonly progressAt = new Map<string, number>();

  private constructor(
    readonly record: RunRecord,
    /** Holds the journal, `run.json`, the recipe as it was and the steps' logs. */
    readonly folder: string,
    private readonly file: number,
  ) {}

  /** Starts a new run's journal. Ids are the time (UTC) and the recipe's name, each later than all before. */
  static async create(
    root: string,
    run: Omit<RunRecord, 'version' | 'id' | 'started' | 'pid' | 'machine'>,
  ): Promise<Journal> {
    const runs = join(root, 'runs');
    await mkdir(runs, { recursive: true });
    const last = (await runIds(root)).at(-1)?.slice(0, 15) ?? '';
    const now = Date.now();
    let time = now;
    while (stamp(time) <= last) time += 1000;
    const id = `${stamp(time)}-${fileName(run.name)}`;
    const folder = join(runs, id);
    await mkdir(folder);
    const started = new Date(now).toISOString();
    const record: RunRecord = { version: 1, id, ...run, started, pid: process.pid, machine: thisMachine() };
    const temporary = join(folder, 'run.json.new');
    await writeSynced(temporary, `${JSON.stringify(record, null, 2)}\n`);
    await rename(temporary, join(folder, 'run.json'));
    return new Journal(record, folder, openSync(join(folder, 'events.jsonl'), 'a'));
  }

  /** Goes on with a run's journal; a last line that a kill tore is cut off. */
  static async reopen(root: string, id: string): Promise<Journal> {
    const record = await readRun(root, id);
    if (record === undefined) throw new Error(`there is no run "${id}" in ${root}`);
    const folder = join(root, 'runs', id);
    const path = join(folder, 'events.jsonl');
    const bytes = await readFile(path).catch((error: unknown) => {
      if (isMissing(error)) return Buffer.alloc(0);
      throw error;
    });
    const whole = bytes.lastIndexOf(0x0a) + 1;
    if (whole < bytes.length) truncateSync(path, whole);
    return new Journal(record, folder, openSync(path, 'a'));
  }

  /** Keeps the recipe as it is now: the file may change while the run goes on. */
  async keep(recipe: string): Promise<void> {
    await copyFile(recipe, join(this.folder, RECIPE)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  /** Writes an event. After `close` it does nothing: a process that is being ended may still report. */
  append(event: Event): void {
    if (this.closed) return;
    if (event.type === 'step-progress') {
      if (event.at - (this.progressAt.get(event.step) ?? 0) < PROGRESS_EVERY) return;
      this.progressAt.set(event.step, event.at);
    }
    writeSync(this.file, `${JSON.stringify(event)}\n`);
    if (event.type === 'run-finished') fdatasyncSync(this.file);
  }

  close(): void {
    this.closed = true;
    closeSync(this.file);
  }
}

/** `20261123-231500` */
function stamp(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
}

/** Ids of all runs, the oldest first. */
export async function runIds(root: string): Promise<string[]> {
  return (await namesIn(join(root, 'runs'))).filter((name) => /^\d{8}-\d{6}-./.test(name));
}

/** What a run was started with, if there is such a run. */
export async function readRun(root: string, id: string): Promise<RunRecord | undefined> {
  return (await readJson(join(root, 'runs', id, 'run.json'))) as RunRecord | undefined;
}

/** The newest run in a `.recipe` folder. */
export async function latestRun(root: string): Promise<RunRecord | undefined> {
  for (const id of (await runIds(root)).reverse()) {
    const record = await readRun(root, id);
    if (record !== undefined) return record;
  }
  return undefined;
}

/** The recipe of a run as it was when the run began, or was gone on with; undefined where it was not kept. */
export async function readRecipe(root: string, id: string): Promise<string | undefined> {
  return readFile(join(root, 'runs', id, RECIPE), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

/** The newest event of a run, as far as it is wholly written. */
export async function lastEvent(root: string, id: string): Promise<Event | undefined> {
  const lines = await linesOf(root, id);
  const last = lines.at(-1);
  return last === undefined ? undefined : (JSON.parse(last) as Event);
}

/** A run's events so far. A line that a kill tore is left out. */
export async function readEvents(root: string, id: string): Promise<Event[]> {
  return (await linesOf(root, id)).map((line) => JSON.parse(line) as Event);
}

async function linesOf(root: string, id: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(join(root, 'runs', id, 'events.jsonl'), 'utf8');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const lines = text.split('\n');
  // After the last newline stands nothing, or a torn line.
  lines.pop();
  return lines;
}
