import type { Json, JsonObject } from '../util/json.js';
import { segments } from './pointer.js';

/**
 * A copy of some options in which the value at each JSON pointer (RFC 6901, `/stages/0/epochs`) is
 * `replace(old value)`. Throws if a pointer leads nowhere: pointers come from the plan.
 */
export function replaceAt(
  options: JsonObject,
  changes: readonly { readonly pointer: string; readonly replace: (value: Json) => Json }[],
): JsonObject {
  const copy = structuredClone(options);
  for (const { pointer, replace } of changes) {
    const words = segments(pointer);
    const last = words.pop();
    let holder: Json | undefined = copy;
    for (const word of words) holder = (holder as JsonObject | undefined)?.[word];
    if (last === undefined || holder === null || typeof holder !== 'object' || !Object.hasOwn(holder, last)) {
      throw new Error(`options have nothing at "${pointer}"`);
    }
    const target = holder as JsonObject;
    target[last] = replace(target[last] as Json);
  }
  return copy;
}
