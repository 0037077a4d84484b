import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Checker } from '../../src/engine/check.js';
import { createRegistry } from '../../src/engine/registry.js';
import { SchemaSet } from '../../src/engine/schema-set.js';
import type {
  Ancestor,
  AnyStep,
  InputArtifact,
  PlacedClaim,
  Progress,
  StepContext,
  StepDefinition,
  Table,
} from '../../src/engine/step.js';
import { steps } from '../../src/steps/index.js';
import type { Json, JsonObject } from '../../src/util/json.js';

/** What a test hands to a step. */
export interface ContextOptions {
  /** As a recipe has them; see `withDefaults`. */
  options: JsonObject;
  /** Folders (or values, for kind `measurement`) by input name; a list input takes an array. */
  inputs?: Record<string, InputGiven | InputGiven[]>;
  seed?: number;
  account?: string;
  /** Environment variables. */
  variables?: Record<string, string>;
  threads?: number;
  claims?: readonly PlacedClaim[];
  lineage?: readonly Ancestor[];
  signal?: AbortSignal;
  /** Where outputs and checkpoints go; a second context on the same folder resumes. Default: a fresh one. */
  root?: string;
  /** Holds the folders that steps share. Default: in `root`. */
  shared?: string;
}
export interface InputGiven {
  kind: string;
  path?: string;
  from?: string;
  digest?: string;
  value?: Json;
}

/** A real context over temporary folders, and what the step did with it. */
export interface TestContext {
  ctx: StepContext<never>;
  root: string;
  /** Folder of each output that was asked for. */
  outputs: Record<string, string>;
  measured: Record<string, Json>;
  logs: { level: 'info' | 'warning'; message: string }[];
  tables: Table[];
  progress: Progress[];
  saved: string[];
}

/** The digest that an artifact in a folder is given. */
export const digestOf = (path: string): string => createHash('sha256').update(path).digest('hex');

/** A folder that is gone when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recipe-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The options checked against the step's schema, short forms and defaults filled in, as the engine does it. */
export function withDefaults(step: string, options: JsonObject): JsonObject {
  const registry = createRegistry(steps, fileURLToPath(new URL('../../schemas', import.meta.url)));
  const checker = new Checker(new SchemaSet(registry.schemas()), {});
  const wording = { subject: () => ({ noun: 'option', owner: step, path: [] }) };
  const { value, issues } = checker.check(registry.schema(step), options, '', wording);
  if (issues.length > 0) throw new Error(`${step}: ${issues.map(({ message, pointer }) => `${pointer} ${message}`)}`);
  return value as JsonObject;
}

export async function makeContext(given: ContextOptions): Promise<TestContext> {
  const root = given.root ?? (await temporaryFolder());
  const signal = given.signal ?? new AbortController().signal;
  const made: Omit<TestContext, 'ctx'> = {
    root,
    outputs: {},
    measured: {},
    logs: [],
    tables: [],
    progress: [],
    saved: [],
  };
  const all = (name: string): InputArtifact[] => {
    const value = given.inputs?.[name] ?? [];
    return (Array.isArray(value) ? value : [value]).map((input) => ({
      kind: input.kind,
      path: input.path ?? '',
      from: input.from ?? name,
      digest: input.digest ?? digestOf(input.path ?? JSON.stringify(input.value)),
      ...(input.value === undefined ? {} : { value: input.value }),
    }));
  };
  const ctx: StepContext<JsonObject> = {
    options: given.options,
    input: (name) => {
      const found = all(name)[0];
      if (found === undefined) throw new Error(`no input ${name}`);
      return found;
    },
    optionalInput: (name) => all(name)[0],
    inputList: all,
    output: async (name) => {
      if (made.outputs[name] !== undefined) throw new Error(`output ${name} asked for twice`);
      const folder = join(root, 'outputs', name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      made.outputs[name] = folder;
      return folder;
    },
    measure: (name, value) => {
      made.measured[name] = value;
    },
    checkpoint: {
      save: async (name, fill) => {
        const fresh = await mkdtemp(join(root, 'saving-'));
        await fill(fresh);
        const folder = join(root, 'checkpoints', name);
        await rm(folder, { recursive: true, force: true });
        await cp(fresh, folder, { recursive: true });
        await rm(fresh, { recursive: true });
        made.saved.push(name);
      },
      load: async (name) => {
        const folder = join(root, 'checkpoints', name);
        return (await readdir(folder).catch(() => undefined)) === undefined ? undefined : folder;
      },
      due: () => signal.aborted,
    },
    sharedFolder: async (name) => {
      const folder = join(given.shared ?? join(root, 'shared'), name);
      await mkdir(folder, { recursive: true });
      return folder;
    },
    seed: given.seed ?? 7,
    variable: (name) => given.variables?.[name],
    account: given.account ?? 'test/step',
    threads: given.threads ?? 2,
    now: () => performance.now(),
    signal,
    progress: async (progress) => {
      made.progress.push(progress);
      await new Promise((resolve) => setImmediate(resolve));
    },
    log: (level, message) => {
      made.logs.push({ level, message });
    },
    show: (table) => {
      made.tables.push(table);
    },
    claims: () => given.claims ?? [],
    lineage: () => given.lineage ?? [],
  };
  return { ...made, ctx: ctx as unknown as StepContext<never> };
}

/** Runs a step: its defaults filled in, on a fresh context. */
export async function runStep(step: AnyStep, given: ContextOptions): Promise<TestContext> {
  const context = await makeContext({ ...given, options: withDefaults(step.name, given.options) });
  await (step as StepDefinition<never>).run(context.ctx);
  return context;
}

/** Every file of a folder, by path, as its SHA-256: two folders are the same if these are. */
export async function digests(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const found: Record<string, string> = {};
  for (const path of names.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    found[path.slice(folder.length + 1)] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return found;
}
