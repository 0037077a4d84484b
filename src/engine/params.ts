import { isScalar, parseDocument } from 'yaml';
import type { Json, JsonObject } from '../util/json.js';
import type { Checker } from './check.js';
import type { Diagnostic } from './diagnostic.js';
import { type RecipeDocument, WHOLE_FILE } from './document.js';
import { type Issue, toDiagnostic } from './issue.js';
import type { ParamDeclaration, Recipe } from './recipe.js';
import { didYouMean } from './suggest.js';
import { quote } from './words.js';

/** Where diagnostics about `--set` are said to be. */
const SET = '--set';

/** A param's value and where it comes from, in words; undefined if it has none because of an error already reported. */
export type ParamValue = { readonly value: Json; readonly origin: string } | undefined;

export interface Params {
  readonly values: ReadonlyMap<string, ParamValue>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The value of each param: from `--set params.NAME=VALUE`, else its default. Both are checked against the declaration.
 * @param set raw values by `params.NAME`
 */
export function resolveParams(
  recipe: Recipe,
  set: Readonly<Record<string, string>>,
  document: RecipeDocument,
  checker: Checker,
): Params {
  const values = new Map<string, ParamValue>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, declaration] of recipe.params) {
    const given = Object.hasOwn(set, `params.${name}`) ? set[`params.${name}`] : undefined;
    const result = declaration && resolveParam(name, declaration, given, document, checker);
    values.set(name, result?.value);
    if (result) diagnostics.push(...result.diagnostics);
  }
  for (const key of Object.keys(set)) {
    const problem = unknownTarget(key, recipe.params);
    if (problem) diagnostics.push(atSet('unknown-param', problem.message, problem.hint));
  }
  return { values, diagnostics };
}

function resolveParam(
  name: string,
  declaration: ParamDeclaration,
  given: string | undefined,
  document: RecipeDocument,
  checker: Checker,
): { readonly value: ParamValue; readonly diagnostics: Diagnostic[] } {
  const { source } = document;
  const schema = schemaOf(declaration);
  const check = (value: Json, owner: string): readonly Issue[] => {
    const { pointer } = declaration;
    if (typeof value === 'string' && value.includes('${{')) {
      return [{ code: 'misplaced-reference', message: `${owner} cannot be a reference`, pointer, at: 'value' }];
    }
    return checker.check(schema, value, pointer, { subject: () => ({ noun: 'key', owner, path: [] }) }).issues;
  };
  const diagnostics: Diagnostic[] = [];
  let value: ParamValue;
  if (declaration.default !== undefined) {
    const issues = check(declaration.default, `the default of param ${quote(name)}`);
    diagnostics.push(...issues.map((issue) => toDiagnostic(issue, source.file, document.locate(issue))));
    const { line, column } = document.locate({ pointer: declaration.pointer, at: 'value' });
    if (issues.length === 0)
      value = { value: declaration.default, origin: `params.${name} (${source.file}:${line}:${column})` };
  } else if (given === undefined) {
    const message = `param ${quote(name)} has no value`;
    const issue = {
      code: 'missing-param',
      message,
      hint: `Give one with --set params.${name}=VALUE`,
      pointer: declaration.pointer,
      at: 'key',
    } as const;
    diagnostics.push(toDiagnostic(issue, source.file, document.locate(issue)));
  }
  if (given === undefined) return { value, diagnostics };
  const parsed = parseScalar(given, declaration.type);
  const issues = check(parsed, `params.${name}`);
  diagnostics.push(...issues.map(({ code, message, hint }) => atSet(code, message, hint)));
  return { value: issues.length === 0 ? { value: parsed, origin: `--set params.${name}` } : undefined, diagnostics };
}

const schemas = new Map<string, JsonObject>();

/** The checker keeps what it compiles by the schema's identity, so equal declarations share one. */
function schemaOf({ type, bounds }: ParamDeclaration): JsonObject {
  const key = JSON.stringify([type, bounds]);
  const schema = schemas.get(key) ?? { type, ...bounds };
  schemas.set(key, schema);
  return schema;
}

/** A value on the command line is a YAML scalar; where a string is wanted, `1e3` and `true` are strings too. */
function parseScalar(text: string, type: ParamDeclaration['type']): Json {
  const { contents, errors, warnings } = parseDocument(text, { prettyErrors: false, schema: 'core' });
  if (errors.length > 0 || warnings.length > 0 || !isScalar(contents)) return text;
  const { value } = contents;
  if (type === 'string') return typeof value === 'string' ? value : text;
  const plain = typeof value === 'boolean' || typeof value === 'string' || Number.isFinite(value);
  return plain ? (value as Json) : text;
}

function unknownTarget(
  key: string,
  declared: ReadonlyMap<string, unknown>,
): { message: string; hint?: string | undefined } | undefined {
  if (!key.startsWith('params.')) {
    return { message: `${quote(key)} cannot be set`, hint: 'Only params can: --set params.NAME=VALUE' };
  }
  const name = key.slice('params.'.length);
  if (declared.has(name)) return undefined;
  const hint = didYouMean(name, declared.keys());
  if (declared.size === 0) return { message: `unknown param ${quote(name)}`, hint: 'The recipe has no params' };
  return { message: `unknown param ${quote(name)}`, hint: hint ?? `The recipe has ${[...declared.keys()].join(', ')}` };
}

function atSet(code: string, message: string, hint: string | undefined): Diagnostic {
  return toDiagnostic({ code, message, hint, pointer: '', at: 'value' }, SET, WHOLE_FILE);
}
