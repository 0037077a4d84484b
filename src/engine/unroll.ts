import type { Json } from '../util/json.js';
import type { Issue } from './issue.js';
import type { Params } from './params.js';
import { child } from './pointer.js';
import type { Recipe, RecipeRounds, RecipeStep, Round } from './recipe.js';
import { parseTemplate, wholeReference } from './reference.js';
import { quote } from './words.js';

const MOST_ROUNDS = 100;

/** A recipe whose rounds are written out, and how many there are of each. */
export interface Unrolled extends Recipe {
  readonly counts: ReadonlyMap<string, number>;
}

/** Writes the steps of rounds out, once for each round: `pick[round=1]`, `pick[round=2]`. */
export function unroll(recipe: Recipe, params: Params['values'], report: (issue: Issue) => void): Unrolled {
  const steps = new Map(recipe.steps);
  const counts = new Map<string, number>();
  const ids = new Set(steps.keys());
  for (const rounds of recipe.rounds.values()) {
    const count = countOf(rounds, params, report);
    counts.set(rounds.id, count);
    for (const name of rounds.first.keys()) {
      if (rounds.next.has(name)) continue;
      const message = `the first round has ${quote(name)} before it, but "next" of rounds ${quote(rounds.id)} does not say what the others have`;
      report({ code: 'missing-key', message, pointer: child(child(rounds.pointer, 'first'), name), at: 'key' });
    }
    for (const step of rounds.steps.values()) {
      if (ids.has(step.id)) {
        const message = `there is another step ${quote(step.id)}: the ids of all steps differ, in rounds too`;
        report({ code: 'duplicate-key', message, pointer: step.pointer, at: 'key' });
      }
      ids.add(step.id);
      if (step.matrix.has('round')) {
        const message = `steps in rounds have \${{ matrix.round }}, so the matrix of step ${quote(step.id)} cannot have a key "round"`;
        report({ code: 'bad-key', message, pointer: child(child(step.pointer, 'matrix'), 'round'), at: 'key' });
      }
      for (let number = 1; number <= count; number++) {
        const one = inRound(step, { of: rounds, number });
        steps.set(one.key, one);
      }
    }
  }
  return { ...recipe, steps, counts };
}

function inRound(step: RecipeStep, round: Round): RecipeStep {
  const matrix = new Map<string, readonly Json[]>([['round', [round.number]]]);
  for (const [key, values] of step.matrix) if (key !== 'round') matrix.set(key, values);
  return { ...step, key: keyIn(step.id, round), round, matrix };
}

const keyIn = (id: string, { number }: Round): string => `${id}[round=${number}]`;

/**
 * The keys of all steps that an id means: of one in rounds the same round's to steps of these rounds, and all rounds' to
 * others. Undefined if there is none.
 */
export function keysOf(id: string, recipe: Unrolled, from: Round | undefined): readonly string[] | undefined {
  if (from?.of.steps.has(id)) return [keyIn(id, from)];
  if (recipe.steps.has(id)) return [id];
  const rounds = [...recipe.rounds.values()].find(({ steps }) => steps.has(id));
  if (rounds === undefined) return undefined;
  const count = recipe.counts.get(rounds.id) as number;
  return Array.from({ length: count }, (_, i) => keyIn(id, { of: rounds, number: i + 1 }));
}

/** The ids of all steps, as the recipe writes them. */
export const idsOf = ({ steps }: Recipe): ReadonlySet<string> => new Set([...steps.values()].map(({ id }) => id));

/** 1 if it is in error, so that the steps can be checked. */
function countOf({ id, count, pointer: at }: RecipeRounds, params: Params['values'], report: (issue: Issue) => void) {
  if (typeof count !== 'string') return count ?? 1;
  const pointer = child(at, 'count');
  const bad = (message: string, hint: string): number => {
    report({ code: 'bad-value', message, hint, pointer, at: 'value' });
    return 1;
  };
  const owner = `"count" of rounds ${quote(id)}`;
  const reference = wholeReference(parseTemplate(count))?.reference;
  if (reference?.kind !== 'param' || !params.has(reference.name))
    return bad(`${owner} is no number and no param of the recipe`, 'Write 3 or ${{ params.NAME }}');
  const param = params.get(reference.name);
  // Why it has none has been reported.
  if (param === undefined) return 1;
  const { value, origin } = param;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_ROUNDS) return value;
  return bad(
    `${owner} must be a whole number from 1 to ${MOST_ROUNDS}, not ${JSON.stringify(value)}`,
    `The value comes from ${origin}`,
  );
}
