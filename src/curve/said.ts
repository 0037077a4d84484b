import type { Json, JsonObject } from '../util/json.js';

/** What the measurement `next` says, for whoever plans. */
export function saidIn(next: Json | undefined): string[] {
  const said = (next as JsonObject | undefined)?.said;
  return typeof said === 'string' ? [said] : [];
}
