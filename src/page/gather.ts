import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Event, OutputRef } from '../engine/event.js';
import { type RunRecord, readEvents, readRecipe } from '../engine/journal.js';
import { LocalStore } from '../engine/local-store.js';
import type { Registry } from '../engine/registry.js';
import type { StepResult } from '../engine/results.js';
import { Redactor } from '../engine/secrets.js';
import type { Progress, StepDefinition } from '../engine/step.js';
import { emptyView, type LogLine, reduce } from '../ui/view.js';
import type { Json } from '../util/json.js';
import type { Output, RunData, StepData } from './run-data.js';

/** What is read of an output: larger files are data, not figures. */
const LARGEST = 2 * 2 ** 20;
/** Lines read of a list. */
const LINES = 20;
/** Files of models that say nothing of a run. */
const LEFT_OUT = /^(tokenizer|vocab|special_tokens_map|added_tokens|generation_config|merges)/;

export interface Gathering {
  /** The `.recipe` folder. */
  readonly root: string;
  readonly record: RunRecord;
  readonly registry: Registry;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads all that a report is made of. The values of environment variables that the run took are hidden, as in its log. */
export async function gather({ root, record, registry, environment }: Gathering): Promise<RunData> {
  const store = new LocalStore(join(resolve(root), 'store'));
  const [events, recipe] = await Promise.all([readEvents(root, record.id), readRecipe(root, record.id)]);
  const view = events.reduce(reduce, emptyView);
  const told = toldOf(events);
  const steps: StepData[] = [];
  for (const step of view.steps.values()) {
    const own = told.get(step.id);
    const { fingerprint } = own ?? {};
    const ended = step.state === 'done' || step.state === 'cached';
    const result =
      ended && fingerprint ? ((await store.readRef(`results/${fingerprint}`)) as StepResult | undefined) : undefined;
    const results: Output[] = [];
    for (const [name, ref] of Object.entries(step.outputs ?? {})) results.push(await outputOf(store, name, ref));
    const type = registry.get(step.uses) as StepDefinition<unknown> | undefined;
    steps.push({
      ...step,
      ...(fingerprint && { fingerprint }),
      ...(result && { parts: result.parts }),
      results,
      tables: view.tables.filter((table) => table.step === step.id).map(({ table }) => table),
      logs: own?.logs ?? [],
      reports: own?.losses ?? [],
      claims: (result && type?.claims?.(result.parts.options)) ?? [],
    });
  }
  const secrets = [...new Set(steps.flatMap(({ uses }) => secretsOf(registry, uses)))];
  const named = [
    ...new Set(
      [...(recipe ?? '').matchAll(/\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g)].map(([, name]) => name as string),
    ),
  ];
  const redactor = new Redactor({ environment: named.map((name) => ({ pointer: '', name })), secrets }, environment);
  // A map is no plain data; what is known of the steps stands beside it.
  const { steps: _, ...rest } = view;
  return redactor.data({ record, view: rest, recipe, steps });
}

const secretsOf = (registry: Registry, uses: string): string[] =>
  Object.entries(registry.get(uses)?.environment ?? {}).flatMap(([name, kind]) => (kind === 'secret' ? [name] : []));

interface Told {
  fingerprint: string | undefined;
  readonly logs: LogLine[];
  losses: Progress[];
}

/** What the view does not keep: every line of the log, and every loss of the last attempt. */
function toldOf(events: readonly Event[]): Map<string, Told> {
  const all = new Map<string, Told>();
  for (const event of events) {
    if (!('step' in event)) continue;
    const own = all.get(event.step) ?? { fingerprint: undefined, logs: [], losses: [] };
    all.set(event.step, own);
    if (event.type === 'step-started' || event.type === 'step-finished') own.fingerprint = event.fingerprint;
    if (event.type === 'step-started' && event.why.reason !== 'resume') own.losses = [];
    if (event.type === 'step-log') own.logs.push({ step: event.step, level: event.level, message: event.message });
    if (event.type === 'step-progress' && event.progress.loss !== undefined) own.losses.push(event.progress);
  }
  return all;
}

async function outputOf(store: LocalStore, name: string, ref: OutputRef): Promise<Output> {
  if ('value' in ref) return { name, kind: ref.kind, value: ref.value, files: {}, bytes: 0 };
  const { kind, digest } = ref;
  const [folder, manifest] = [await store.get(digest), await store.manifest(digest)];
  const files: Record<string, Json> = {};
  for (const { path, bytes } of manifest?.files ?? []) {
    if (folder === undefined || path.includes('/') || LEFT_OUT.test(path)) continue;
    const value = await contentOf(join(folder, path), bytes);
    if (value !== undefined) files[path] = value;
  }
  return { name, kind, digest, files, bytes: (manifest?.files ?? []).reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** What a small file of JSON, or the first lines of a list, say; undefined of any other and of what cannot be read. */
async function contentOf(path: string, bytes: number): Promise<Json | undefined> {
  if (bytes > LARGEST) return undefined;
  try {
    if (path.endsWith('.json')) return JSON.parse(await readFile(path, 'utf8')) as Json;
    if (!/(^|-)(samples|quarantine)\.jsonl$/.test(path)) return undefined;
    const lines = (await readFile(path, 'utf8')).split('\n', LINES).filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Json);
  } catch {
    return undefined;
  }
}
