import { canonicalJson } from '../util/canonical.js';
import type { Json } from '../util/json.js';
import type { Parts } from './fingerprint.js';

const LONGEST = 40;

/**
 * What differs between two sets of parts, one short line each, e.g. `option "epochs": 3 → 4`, `input "data"`,
 * `seed: 1 → 2`. Never empty for different parts.
 */
export function explainChanges(before: Parts, after: Parts): string[] {
  const changes: string[] = [];
  const change = (what: string, old: Json | undefined, now: Json | undefined): void => {
    if (!equal(old, now)) changes.push(`${what}: ${show(old)} → ${show(now)}`);
  };
  change('step type', before.step, after.step);
  if (before.step === after.step) change('step version', before.version, after.version);

  const old = leaves(before.options);
  const now = leaves(after.options);
  for (const path of union(old.keys(), now.keys())) {
    const [a, b] = [old.get(path), now.get(path)];
    if (isDigest(a) && isDigest(b)) {
      if (a !== b) changes.push(`content of option "${path}"`);
    } else change(`option "${path}"`, a, b);
  }
  for (const name of union(Object.keys(before.inputs), Object.keys(after.inputs))) {
    if (!equal(before.inputs[name] as unknown as Json, after.inputs[name] as unknown as Json)) {
      changes.push(`input "${name}"`);
    }
  }
  change('seed', before.seed, after.seed);
  for (const name of union(Object.keys(before.packages), Object.keys(after.packages))) {
    change(`package ${name}`, before.packages[name], after.packages[name]);
  }
  if (!equal(before.claims as unknown as Json, after.claims as unknown as Json)) changes.push('claims on its inputs');
  if (!equal(before.lineage as unknown as Json, after.lineage as unknown as Json)) changes.push('steps before it');
  return changes;
}

/** Scalars and empty collections by path: `stages[0].epochs`. */
function leaves(value: Json, path = '', into = new Map<string, Json>()): Map<string, Json> {
  const children = value === null || typeof value !== 'object' ? [] : Object.entries(value);
  if (children.length === 0 && path !== '') into.set(path, value);
  for (const [key, child] of children) {
    leaves(child, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`, into);
  }
  return into;
}

function union(a: Iterable<string>, b: Iterable<string>): Set<string> {
  return new Set([...a, ...b]);
}

function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a) === canonicalJson(b);
}

function isDigest(value: Json | undefined): value is string {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
