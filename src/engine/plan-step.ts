import type { Json, JsonObject } from '../util/json.js';
import { Binder, type OutputUse } from './bind.js';
import type { Checked, Checker, Mention } from './check.js';
import type { RecipeDocument } from './document.js';
import { type Issue, withoutEchoes } from './issue.js';
import type { Wording } from './keyword-issue.js';
import { type Combination, combinations } from './matrix.js';
import type { Params } from './params.js';
import { child, parent, pathBelow, within } from './pointer.js';
import type { RecipeStep } from './recipe.js';
import type { Registry } from './registry.js';
import { replaceAt } from './replace-at.js';
import { type Resolved, resolveCondition, resolveOptions, type Scope } from './resolve.js';
import { isObject } from './schema-set.js';
import { type AnyStep, kindsOf, type StepDefinition } from './step.js';
import { didYouMean } from './suggest.js';
import { idsOf, keysOf, type Unrolled } from './unroll.js';
import { bindWithin, numbered } from './within.js';
import { enumerate, quote, withArticle } from './words.js';

/** What planning a step may look at. */
export interface Planning {
  readonly recipe: Unrolled;
  readonly document: RecipeDocument;
  readonly registry: Registry;
  readonly checker: Checker;
  readonly params: Params['values'];
  readonly env: Readonly<Record<string, string | undefined>>;
  report(issue: Issue): void;
}

/** A step instance as far as it is known without the other steps and without the file system. */
export interface Draft {
  readonly id: string;
  readonly options: JsonObject;
  readonly seed: number;
  readonly enabled: boolean;
  /** Pointers into the document. */
  readonly mentions: readonly Mention[];
  /** Pointers into `options`. */
  readonly environment: readonly { readonly pointer: string; readonly name: string }[];
}

export interface PlannedRecipeStep {
  readonly step: RecipeStep;
  readonly inputs: ReadonlyMap<string, readonly OutputUse[]>;
  /** The steps it waits for, and where the recipe says so. */
  readonly needs: ReadonlyMap<string, Pick<Issue, 'pointer' | 'at' | 'part'>>;
  readonly drafts: readonly Draft[];
}

const MOST_INSTANCES = 1000;

/** Checks one step of the recipe against its type and makes its instances. */
export function planStep(step: RecipeStep, planning: Planning): PlannedRecipeStep {
  const { recipe, registry } = planning;
  const issues: Issue[] = [];
  const report = (issue: Issue): void => void issues.push(issue);
  const type = step.uses === undefined ? undefined : registry.get(step.uses);
  if (step.uses !== undefined && !type) {
    const message = `unknown step type ${quote(step.uses)}`;
    const hint = didYouMean(step.uses, registry.names()) ?? 'The command "recipe steps" lists them';
    report({ code: 'unknown-step-type', message, hint, pointer: child(step.pointer, 'uses'), at: 'value' });
  }
  const binder = new Binder(recipe, registry, report);
  const inputs = type && step.with ? bindInputs(step, type, step.with, binder, report) : new Map<string, OutputUse[]>();
  const needs: Map<string, Pick<Issue, 'pointer' | 'at' | 'part'>> = readNeeds(step, recipe, report);
  for (const use of [...inputs.values()].flat()) {
    needs.set(use.step, { pointer: use.pointer, at: 'value', part: { text: use.part.raw, nth: use.part.nth } });
  }
  refuseReferences(
    [...step.matrix].map(([key, values]) => [key, [...values]] as const),
    child(step.pointer, 'matrix'),
    report,
  );
  const drafts = makeDrafts(step, type, planning, report);
  for (const issue of withoutEchoes(issues)) planning.report(issue);
  return { step, inputs, needs, drafts };
}

function bindInputs(
  step: RecipeStep,
  type: AnyStep,
  given: JsonObject,
  binder: Binder,
  report: (issue: Issue) => void,
): Map<string, OutputUse[]> {
  const pointer = child(step.pointer, 'with');
  const inputs = new Map<string, OutputUse[]>();
  for (const [name, spec] of Object.entries(type.inputs)) {
    if (spec.within !== undefined) {
      inputs.set(name, bindWithin(spec.within, step, name, spec, binder));
      continue;
    }
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value !== undefined) {
      inputs.set(name, binder.input(step, name, spec, value, child(pointer, name)));
    } else if (!spec.optional) {
      const message = `step ${quote(step.id)} (${type.name}) needs the input ${quote(name)}, ${spec.list ? `at least one ${enumerate(kindsOf(spec), 'or')}` : enumerate(kindsOf(spec).map(withArticle), 'or')}`;
      const hint = `Add "${name}: \${{ steps.ID.outputs.NAME }}"`;
      report({ code: 'missing-input', message, hint, pointer, at: 'key', missing: name });
    }
  }
  return inputs;
}

function readNeeds(
  step: RecipeStep,
  recipe: Unrolled,
  report: (issue: Issue) => void,
): PlannedRecipeStep['needs'] & Map<string, Pick<Issue, 'pointer' | 'at'>> {
  const needs = new Map<string, Pick<Issue, 'pointer' | 'at'>>();
  for (const [i, id] of step.needs.entries()) {
    const at = { pointer: child(child(step.pointer, 'needs'), i), at: 'value' } as const;
    const keys = keysOf(id, recipe, step.round);
    if (id === step.id) report({ code: 'self-reference', message: `step ${quote(id)} cannot need itself`, ...at });
    else if (keys) for (const key of keys) needs.set(key, at);
    else
      report({
        code: 'unknown-step',
        message: `unknown step ${quote(id)}`,
        hint: didYouMean(id, idsOf(recipe)),
        ...at,
      });
  }
  return needs;
}

/** A matrix holds plain values: a reference there would be taken for a text. */
function refuseReferences(
  entries: readonly (readonly [string, Json])[],
  pointer: string,
  report: (issue: Issue) => void,
): void {
  for (const [key, value] of entries) {
    const at = child(pointer, key);
    if (typeof value === 'string' && value.includes('${{')) {
      report({ code: 'misplaced-reference', message: 'references are not resolved here', pointer: at, at: 'value' });
    }
    if (value !== null && typeof value === 'object') refuseReferences(Object.entries(value), at, report);
  }
}

function makeDrafts(
  step: RecipeStep,
  type: AnyStep | undefined,
  planning: Planning,
  report: (issue: Issue) => void,
): Draft[] {
  const size = [...step.matrix.values()].reduce((product, values) => product * values.length, 1);
  if (size > MOST_INSTANCES) {
    const message = `the matrix of step ${quote(step.id)} has ${size} combinations; at most ${MOST_INSTANCES} are allowed`;
    report({ code: 'out-of-range', message, pointer: child(step.pointer, 'matrix'), at: 'key' });
    return [];
  }
  const used = new Set(step.round ? ['seed', 'round'] : ['seed']);
  const drafts = combinations(step.id, step.matrix).map((combination) =>
    makeDraft(step, type, combination, planning, report, used),
  );
  const misspelt = [...used].some((key) => key !== 'seed' && !step.matrix.has(key));
  for (const key of step.matrix.keys()) {
    if (used.has(key) || misspelt) continue;
    const message = `the matrix key ${quote(key)} of step ${quote(step.id)} is not used`;
    const hint = `Use \${{ matrix.${key} }} in the step`;
    report({ code: 'unused-matrix-key', message, hint, pointer: child(child(step.pointer, 'matrix'), key), at: 'key' });
  }
  return drafts;
}

function makeDraft(
  step: RecipeStep,
  type: AnyStep | undefined,
  combination: Combination,
  planning: Planning,
  report: (issue: Issue) => void,
  used: Set<string>,
): Draft {
  const { document, params, env } = planning;
  const matrixOrigin = (key: string, index: number): string => {
    const ofRounds = key === 'round' && step.round;
    const pointer = ofRounds
      ? child(ofRounds.of.pointer, 'count')
      : child(child(child(step.pointer, 'matrix'), key), index);
    const { line, column } = document.locate({ pointer, at: 'value' });
    return `matrix.${key} (${document.source.file}:${line}:${column})`;
  };
  const scope: Scope = { step, params, combination, env, matrixOrigin };
  const condition = resolveCondition(scope);
  const pointer = child(step.pointer, 'with');
  const given = Object.entries(step.with ?? {});
  const isInput = (key: string): boolean =>
    type !== undefined && Object.hasOwn(type.inputs, key) && type.inputs[key]?.within === undefined;
  const known = given.filter(
    ([key, value]) => !isInput(key) && !(isMisspelt(key, type, planning.registry) && isOutput(value)),
  );
  const options = type ? numbered(Object.fromEntries(known), type, pointer, report) : Object.fromEntries(known);
  const resolved = resolveOptions(options, pointer, scope);
  for (const key of [...condition.used, ...resolved.used]) used.add(key);
  for (const issue of [...condition.issues, ...resolved.issues]) {
    // A step that does not run needs no secrets.
    if (condition.enabled || issue.code !== 'env-not-set') report(issue);
  }
  const seed = combination.values.get('seed')?.value ?? planning.recipe.seed;
  const draft = { id: combination.instance, seed: seed as number, enabled: condition.enabled };
  if (!type || !step.with) return { ...draft, options: {}, mentions: [], environment: [] };

  // Inputs and what is misspelt stand in the options while they are checked, so that all keys are seen.
  const others = given.filter(([key]) => !Object.hasOwn(resolved.value, key)).map(([key]) => [key, null]);
  const checked = planning.checker.check(
    schemaWithInputs(type, planning.registry),
    { ...resolved.value, ...Object.fromEntries(others) },
    pointer,
    stepWording(step, type, pointer, resolved),
  );
  const found = explained(checked, resolved, pointer);
  for (const issue of found) report(issue);
  if (found.length === 0 && resolved.holes.size === 0) {
    const missing = condition.enabled ? ((type as StepDefinition<unknown>).requires?.(checked.value) ?? []) : [];
    for (const name of missing.filter((each) => !env[each])) {
      const message = `step ${quote(step.id)} (${type.name}) needs the environment variable ${name}, which is not set`;
      report({
        code: 'env-not-set',
        message,
        hint: `Set it first: export ${name}=…`,
        pointer: step.pointer,
        at: 'key',
      });
    }
    const secret = [...resolved.origins].flatMap(([at, { kind }]) =>
      kind === 'env' ? [at.slice(pointer.length)] : [],
    );
    for (const { pointer: at, ...words } of (type as StepDefinition<unknown>).problems?.(checked.value, secret) ?? []) {
      report({ code: 'bad-value', ...words, pointer: pointer + at, at: 'value' });
    }
  }
  const own = Object.fromEntries(Object.entries(checked.value as JsonObject).filter(([key]) => !isInput(key)));
  return { ...draft, ...hideEnvironment(own, checked.mentions, resolved, pointer, report) };
}

/** Puts `${{ env.NAME }}` back where validation has seen the variable's value. */
function hideEnvironment(
  options: JsonObject,
  mentions: readonly Mention[],
  { origins, holes }: Resolved,
  pointer: string,
  report: (issue: Issue) => void,
): Pick<Draft, 'options' | 'mentions' | 'environment'> {
  const environment: { pointer: string; name: string }[] = [];
  const changes: { pointer: string; replace: () => Json }[] = [];
  for (const [at, origin] of origins) {
    if (origin.kind !== 'env') continue;
    environment.push({ pointer: at.slice(pointer.length), name: origin.name });
    changes.push({ pointer: at.slice(pointer.length), replace: () => origin.text });
  }
  const plain = mentions.filter((mention) => {
    const fromEnvironment = origins.get(mention.pointer)?.kind === 'env';
    if (mention.keyword === 'x-secret') {
      if (!fromEnvironment && !holes.has(mention.pointer)) report(secretInRecipe(mention.pointer));
      return false;
    }
    if (!fromEnvironment) return !holes.has(mention.pointer);
    const message = 'a file or package cannot be named by the environment, as it is part of the results';
    report({ code: 'misplaced-reference', message, hint: 'Use a param', pointer: mention.pointer, at: 'value' });
    return false;
  });
  return { options: replaceAt(options, changes), mentions: plain, environment };
}

/** Whoever can read the recipe could read it too: it goes into version control, and into every error about its line. */
function secretInRecipe(pointer: string): Issue {
  const message = 'a secret has to come from the environment, and this one stands in the recipe';
  const hint = 'Write ${{ env.NAME }}, set the variable, and make the secret that stood here invalid';
  return { code: 'secret-in-recipe', message, hint, pointer, at: 'value' };
}

/** The issues of a check that are not about a value that is unknown, with where each value comes from. */
function explained({ issues }: Checked, { holes, origins }: Resolved, root: string): Issue[] {
  const known = issues.filter(({ at, pointer }) => at === 'key' || ![...holes].some((hole) => within(pointer, hole)));
  return known.map((issue) => {
    for (let at = issue.pointer; within(at, root); at = parent(at)) {
      const origin = origins.get(at);
      if (origin?.kind !== 'value') continue;
      const from = `The value comes from ${origin.words}`;
      const separator = issue.hint?.endsWith('?') ? ' ' : '. ';
      return { ...issue, hint: issue.hint === undefined ? from : issue.hint + separator + from };
    }
    return issue;
  });
}

function stepWording(step: RecipeStep, type: AnyStep, root: string, { origins }: Resolved): Wording {
  return {
    subject: (pointer) => ({
      noun: 'option',
      owner: `step ${quote(step.id)} (${type.name})`,
      path: pathBelow(pointer, root),
    }),
    secret(pointer) {
      const origin = origins.get(pointer);
      return origin?.kind === 'env' ? `the value of ${origin.text}` : undefined;
    },
  };
}

const extended = new WeakMap<JsonObject, JsonObject>();

/** A step's schema that also knows the names of its inputs, which are checked elsewhere. */
function schemaWithInputs(type: AnyStep, registry: Registry): JsonObject {
  const schema = registry.schema(type.name);
  const known = extended.get(schema);
  if (known) return known;
  const names = Object.keys(type.inputs).filter((name) => type.inputs[name]?.within === undefined);
  const inputs = Object.fromEntries(names.map((name) => [name, true]));
  const all = { ...schema, properties: { ...(schema.properties as JsonObject | undefined), ...inputs } };
  extended.set(schema, all);
  return all;
}

/** Whether a key of `with` is no option: then it is an unknown one, whatever its value. */
function isMisspelt(key: string, type: AnyStep | undefined, registry: Registry): boolean {
  if (!type) return true;
  const { properties } = registry.schema(type.name);
  return !(isObject(properties) && Object.hasOwn(properties, key));
}

const isOutput = (value: Json): boolean =>
  [value].flat().some((item) => typeof item === 'string' && /\$\{\{\s*(steps|rounds|before)\./.test(item));
