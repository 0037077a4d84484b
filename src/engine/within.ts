import type { Json, JsonObject } from '../util/json.js';
import type { Binder, OutputUse } from './bind.js';
import type { Issue } from './issue.js';
import { child } from './pointer.js';
import type { RecipeStep } from './recipe.js';
import { isObject } from './schema-set.js';
import type { AnyStep, InputSpec } from './step.js';
import { quote } from './words.js';

/** Inputs in the items of an option: `tasks: [{ data: ${{ steps.corpus.outputs.train }} }]`. */

/** The outputs bound to an input in the items of an option, in their order. */
export function bindWithin(
  option: string,
  step: RecipeStep,
  name: string,
  spec: InputSpec,
  binder: Binder,
): OutputUse[] {
  const pointer = child(child(step.pointer, 'with'), option);
  return itemsOf(step.with?.[option]).flatMap((item, i) => {
    const value = isObject(item) ? item[name] : undefined;
    if (value === undefined) return [];
    return binder.input(
      step,
      `${option}[${i}].${name}`,
      { ...spec, list: false },
      value,
      child(child(pointer, i), name),
    );
  });
}

/**
 * Options in which each such input is its number, counted from 1, among those of its name.
 * @param pointer of the options in the document
 */
export function numbered(
  options: JsonObject,
  type: AnyStep,
  pointer: string,
  report: (issue: Issue) => void,
): JsonObject {
  const names = Object.entries(type.inputs).flatMap(([name, { within }]) =>
    within === undefined ? [] : [{ name, within }],
  );
  const found = { ...options };
  for (const option of new Set(names.map(({ within }) => within))) {
    const own = names.filter(({ within }) => within === option).map(({ name }) => name);
    const at = child(pointer, option);
    if (isReference(options[option])) report(elsewhere(option, at));
    const counts = new Map<string, number>();
    if (!Array.isArray(options[option])) continue;
    found[option] = itemsOf(options[option]).map((item, i) => {
      if (isReference(item)) report(elsewhere(`${option}[${i}]`, child(at, i)));
      if (!isObject(item)) return item;
      const numbers = own.flatMap((name): [string, Json][] => {
        if (item[name] === undefined) return [];
        const number = (counts.get(name) ?? 0) + 1;
        counts.set(name, number);
        return [[name, number]];
      });
      return { ...item, ...Object.fromEntries(numbers) };
    });
  }
  return found;
}

const itemsOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const isReference = (value: Json | undefined): boolean => typeof value === 'string' && value.includes('${{');

const elsewhere = (option: string, pointer: string): Issue => ({
  code: 'misplaced-reference',
  message: `option ${quote(option)} names inputs, so it is written out here`,
  pointer,
  at: 'value',
});
