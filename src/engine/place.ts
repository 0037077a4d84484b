import type { Json } from '../util/json.js';
import type { RecipeDocument } from './document.js';
import type { Place, Plan, StepInstance } from './plan.js';
import { child, parent } from './pointer.js';
import type { RecipeStep } from './recipe.js';
import { isObject } from './schema-set.js';

const root = (step: string): string => child(child('/steps', step), 'with');

/** Where everything stands that a recipe writes below `with`, by JSON pointer; of a step in rounds too as if it stood in `steps`. */
export function placesOf(steps: Iterable<RecipeStep>, document: RecipeDocument): Plan['places'] {
  const places: Record<string, Place> = {};
  const visit = (value: Json, name: string, pointer: string): void => {
    places[name] = document.locate({ pointer, at: 'value' });
    if (isObject(value) || Array.isArray(value)) {
      for (const [key, item] of Object.entries(value)) visit(item, child(name, key), child(pointer, key));
    }
  };
  for (const { id, pointer, with: written } of steps) {
    if (written !== undefined) visit(written, root(id), child(pointer, 'with'));
  }
  return places;
}

/** The place of an instance's option, or of the nearest thing around it that the recipe writes. */
export function placeOf({ places }: Plan, { step, place }: StepInstance, pointer: string): Place {
  for (let at = root(step) + pointer; at !== ''; at = parent(at)) {
    const found = places[at];
    if (found) return found;
  }
  return place;
}
