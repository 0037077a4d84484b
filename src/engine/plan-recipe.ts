import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JsonObject } from '../util/json.js';
import { Binder, listedBy, type OutputUse } from './bind.js';
import { reportCarried } from './carried.js';
import { Checker } from './check.js';
import { followClaims } from './claims.js';
import type { Diagnostic, Result } from './diagnostic.js';
import { parseRecipeDocument, type RecipeDocument } from './document.js';
import { reportMisfits } from './foresight.js';
import { type Issue, sortDiagnostics, toDiagnostic } from './issue.js';
import { findFile, findPackage } from './mentions.js';
import { findCycles, topologicalOrder } from './order.js';
import { resolveParams } from './params.js';
import { placesOf } from './place.js';
import type { Binding, ExternalFile, ExternalPackage, OutputBinding, Plan, StepInstance } from './plan.js';
import { type Draft, type PlannedRecipeStep, planStep } from './plan-step.js';
import { child } from './pointer.js';
import { checkProduced } from './produced.js';
import { readRecipe } from './recipe.js';
import type { Registry } from './registry.js';
import { SchemaSet } from './schema-set.js';
import { readSource } from './source.js';
import type { PlacedClaim } from './step.js';
import { didYouMean } from './suggest.js';
import { idsOf, type Unrolled, unroll } from './unroll.js';
import { quote } from './words.js';

export interface PlanOptions {
  readonly registry: Registry;
  /** Raw values of `--set`, e.g. `{'params.epochs': '1'}`. */
  readonly set: Readonly<Record<string, string>>;
  /** Values enter no plan and no message; they are only checked. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a recipe and makes a plan of it, or says everything that is wrong with it: text → YAML → shell → params →
 * steps → order. Runs nothing and writes nothing.
 */
export async function loadPlan(file: string, options: PlanOptions): Promise<Result<Plan>> {
  const source = await readSource(file);
  if (!source.ok) return source;
  const { document, diagnostics: textual } = parseRecipeDocument(source.value);
  if (!document) return { ok: false, diagnostics: sortDiagnostics(textual) };

  const diagnostics: Diagnostic[] = [...textual];
  // What YAML could not read stands in the document as null: that it is no valid value is no news.
  const unread = new Set(textual.map(({ line, column }) => `${line}:${column}`));
  const report = (issue: Issue): void => {
    const place = document.locate(issue);
    if (unread.has(`${place.line}:${place.column}`)) return;
    diagnostics.push(toDiagnostic(issue, document.source.file, place));
  };
  const { registry, set, env } = options;
  const shell = shellSchema();
  const checker = new Checker(
    new SchemaSet([shell, ...registry.schemas().filter(({ $id }) => $id !== shell.$id)]),
    env,
  );
  const { recipe: written, issues } = readRecipe(document.root, checker, shell);
  issues.forEach(report);
  const params = resolveParams(written, set, document, checker);
  diagnostics.push(...params.diagnostics);
  const recipe = unroll(written, params.values, report);
  reportCarried(recipe, registry, report);

  const planning = { recipe, document, registry, checker, params: params.values, env, report };
  const steps = new Map([...recipe.steps].map(([key, step]) => [key, planStep(step, planning)]));
  reportCycles(steps, report);
  const outputs = bindOutputs(recipe, registry, report);
  const found = await findMentions([...steps.values()], dirname(source.value.path), report);
  const ids = idsOf(recipe);
  for (const id of recipe.acknowledge.keys()) if (!ids.has(id)) report(unknownStep(id, ids));
  let claims: ReadonlyMap<string, readonly PlacedClaim[]> = new Map();
  if (diagnostics.length === 0) {
    const uses = [
      ...[...steps.values()].flatMap(({ inputs }) => [...inputs.values()].flat()),
      ...[...outputs.values()].flat(),
    ];
    checkProduced(uses, steps, registry, report);
    claims = followClaims(steps, registry, recipe.acknowledge, document, report);
    await reportMisfits(steps, registry, dirname(source.value.path), report);
  }
  if (diagnostics.length > 0) return { ok: false, diagnostics: sortDiagnostics(diagnostics) };

  const instances = topologicalOrder(edgesOf(steps)).flatMap((key) => {
    const own = finishStep(key, steps, found, document);
    const records = own[0] && registry.get(own[0].uses)?.recordsClaims;
    return records ? own.map((instance) => ({ ...instance, claims: claims.get(key) ?? [] })) : own;
  });
  const plan: Plan = {
    file: source.value.path,
    name: recipe.name,
    description: recipe.description,
    seed: recipe.seed,
    params: Object.fromEntries([...params.values].flatMap(([name, param]) => (param ? [[name, param.value]] : []))),
    places: placesOf(recipe.steps.values(), document),
    instances,
    outputs: Object.fromEntries([...outputs].map(([name, uses]) => [name, outputBindings(uses, steps)])),
  };
  return { ok: true, value: plan, warnings: [] };
}

const shellSchema = (): JsonObject =>
  JSON.parse(readFileSync(new URL('../../schemas/recipe.schema.json', import.meta.url), 'utf8')) as JsonObject;

type Steps = ReadonlyMap<string, PlannedRecipeStep>;

const edgesOf = (steps: Steps) => new Map([...steps].map(([id, { needs }]) => [id, needs]));

function reportCycles(steps: Steps, report: (issue: Issue) => void): void {
  for (const cycle of findCycles(edgesOf(steps))) {
    const [first = '', second = first] = cycle;
    const place = steps.get(first)?.needs.get(second);
    if (!place) continue;
    const message = `these steps wait for each other: ${[...cycle, first].join(' → ')}`;
    report({ code: 'cycle', message, ...place });
  }
}

function bindOutputs(recipe: Unrolled, registry: Registry, report: (issue: Issue) => void): Map<string, OutputUse[]> {
  const binder = new Binder(recipe, registry, report);
  const outputs = new Map<string, OutputUse[]>();
  for (const [name, text] of recipe.outputs) {
    outputs.set(name, binder.outputs(text, child('/outputs', name), `output ${quote(name)} of the recipe`));
  }
  return outputs;
}

function unknownStep(id: string, ids: ReadonlySet<string>): Issue {
  const hint = didYouMean(id, ids);
  return {
    code: 'unknown-step',
    message: `unknown step ${quote(id)}`,
    hint,
    pointer: child('/acknowledge', id),
    at: 'key',
  };
}

interface Found {
  readonly files: readonly ExternalFile[];
  readonly packages: readonly ExternalPackage[];
}

/** Looks up the files and packages of every instance that runs. */
async function findMentions(
  steps: readonly PlannedRecipeStep[],
  folder: string,
  report: (issue: Issue) => void,
): Promise<Map<string, Found>> {
  const result = new Map<string, Found>();
  for (const { step, drafts } of steps) {
    const root = child(step.pointer, 'with');
    for (const { id, enabled, mentions } of drafts) {
      const files: ExternalFile[] = [];
      const packages: ExternalPackage[] = [];
      for (const mention of enabled ? mentions : []) {
        const pointer = mention.pointer.slice(root.length);
        if (mention.keyword === 'x-secret') continue;
        if (mention.keyword === 'x-file') {
          const file = await findFile(mention, folder);
          if ('code' in file) report(file);
          else files.push({ ...file, pointer });
        } else {
          const found = await findPackage(mention, folder);
          if ('code' in found) report(found);
          else packages.push({ ...found, pointer });
        }
      }
      result.set(id, { files, packages });
    }
  }
  return result;
}

function bindingsOf(uses: readonly OutputUse[], steps: Steps): Binding[] {
  return uses.flatMap(({ step, output }) => instancesOf(step, steps).map((from) => ({ from, output })));
}

function outputBindings(uses: readonly OutputUse[], steps: Steps): OutputBinding[] {
  return uses.flatMap((use) => {
    const listed = listedBy((steps.get(use.step) as PlannedRecipeStep).step, use) !== undefined;
    return bindingsOf([use], steps).map((binding) => (listed ? { ...binding, folder: binding.from } : binding));
  });
}

const instancesOf = (step: string, steps: Steps): string[] => steps.get(step)?.drafts.map(({ id }) => id) ?? [];

function finishStep(
  key: string,
  steps: Steps,
  found: ReadonlyMap<string, Found>,
  document: RecipeDocument,
): StepInstance[] {
  const planned = steps.get(key) as PlannedRecipeStep;
  const { step, drafts } = planned;
  const inputs = Object.fromEntries([...planned.inputs].map(([name, uses]) => [name, bindingsOf(uses, steps)]));
  const needs = [...planned.needs.keys()].flatMap((need) => instancesOf(need, steps));
  const timeout = step.timeout === undefined ? {} : { timeoutMs: milliseconds(step.timeout) };
  return drafts.map(({ mentions: _, ...draft }: Draft) => ({
    ...draft,
    step: step.id,
    ...(step.round && { round: `${step.round.of.id}, round ${step.round.number}` }),
    uses: step.uses as string,
    inputs,
    needs,
    retry: step.retry,
    ...timeout,
    cache: step.cache,
    ...(found.get(draft.id) ?? { files: [], packages: [] }),
    place: document.locate({ pointer: step.pointer, at: 'key' }),
  }));
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `10m`, `2h`; the shell's schema allows nothing else. */
function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * (UNITS[duration.slice(-1)] as number);
}
