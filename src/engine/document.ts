import { isMap, isScalar, parseDocument } from 'yaml';
import type { JsonObject } from '../util/json.js';
import type { Diagnostic } from './diagnostic.js';
import { type Issue, toDiagnostic } from './issue.js';
import type { Place } from './plan.js';
import { parent, segments } from './pointer.js';
import type { Source } from './source.js';
import { type Problem, type Range, syntaxProblems } from './syntax.js';
import { type Spot, YamlReader } from './yaml-reader.js';

/** A recipe's YAML as plain JSON that still knows where in the text each value stands. */
export interface RecipeDocument {
  readonly source: Source;
  readonly root: JsonObject;
  locate(issue: Pick<Issue, 'pointer' | 'at' | 'part' | 'missing'>): Place;
}

/** The place of a diagnostic that is about the whole file. */
export const WHOLE_FILE: Place = { line: 0, column: 0, length: 1 };

/**
 * Reads YAML 1.2, core schema, and nothing that runs or multiplies: no tags, one document, aliases within a limit.
 * A syntax error ends it. Duplicate keys and the like are collected and the rest is read all the same, so
 * `diagnostics` may come with a document.
 */
export function parseRecipeDocument(source: Source): {
  readonly document?: RecipeDocument;
  readonly diagnostics: readonly Diagnostic[];
} {
  const locateProblem = (problem: Problem) =>
    toDiagnostic({ ...problem, pointer: '', at: 'value' }, source.file, source.place(...problem.range));
  // `uniqueKeys` compares every pair of keys, which takes minutes at 100,000; YamlReader has a linear check.
  const parsed = parseDocument(source.text, { uniqueKeys: false, prettyErrors: false, schema: 'core' });
  const broken = syntaxProblems(parsed, source);
  if (broken.length > 0) return { diagnostics: broken.map(locateProblem) };
  const { contents } = parsed;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    const issue: Issue = { code: 'empty-recipe', message: 'the recipe is empty', pointer: '', at: 'value' };
    return { diagnostics: [toDiagnostic(issue, source.file, WHOLE_FILE)] };
  }
  if (!isMap(contents)) {
    const range: Range = [contents.range[0], contents.range[1]];
    const message = 'a recipe is a mapping, with keys such as "name:" and "steps:"';
    return { diagnostics: [locateProblem({ code: 'not-a-mapping', message, range })] };
  }
  const reader = new YamlReader(source.text);
  const root = reader.read(contents) as JsonObject;
  if (reader.stopped) return { diagnostics: reader.problems.map(locateProblem) };
  const locate: RecipeDocument['locate'] = (issue) => findPlace(source, reader.spots, issue);
  return { document: { source, root, locate }, diagnostics: reader.problems.map(locateProblem) };
}

/** An issue inside a value that came from elsewhere (a matrix, a default) is shown at the nearest thing written. */
function findPlace(
  source: Source,
  spots: ReadonlyMap<string, Spot>,
  issue: Pick<Issue, 'pointer' | 'at' | 'part' | 'missing'>,
): Place {
  let { pointer, at } = issue;
  while (!spots.has(pointer) && segments(pointer).length > 0) {
    pointer = parent(pointer);
    if (issue.missing === undefined) at = 'value';
  }
  const spot = spots.get(pointer);
  if (spot === undefined || (pointer === '' && issue.part === undefined)) return WHOLE_FILE;
  const [start, end] = spot.value;
  const text = source.text.slice(start, end);
  if (issue.part) {
    const found = nthIndex(text, issue.part.text, issue.part.nth);
    if (found >= 0) return source.place(start + found, start + found + issue.part.text.length);
  }
  const showKey = at === 'key' || text === '' || text.includes('\n');
  return showKey && spot.key ? source.place(...spot.key) : source.place(start, end);
}

function nthIndex(text: string, part: string, nth: number): number {
  let at = text.indexOf(part);
  for (let i = 0; i < nth && at >= 0; i++) at = text.indexOf(part, at + part.length);
  return at;
}
