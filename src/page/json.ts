import type { Json, JsonObject } from '../util/json.js';

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects of a list; none where it is no list. */
export const objectsOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

/** A number, if it is one. */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A value as text; of an object its parts with their names. */
export function shown(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  if (!isObject(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(
    ([name, part]) => `${name}: ${isObject(part) ? JSON.stringify(part) : shown(part)}`,
  );
  return parts.join('; ');
}
