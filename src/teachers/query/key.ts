import { canonicalJson, sha256 } from '../../util/canonical.js';
import type { Json } from '../../util/json.js';
import type { Question } from './reply.js';

/** One question is looked up, paid for, asked and stored. */
const known = new WeakMap<Question, string>();

/** The name under which an answer is kept: SHA-256 of all that the answer depends on, 64 hex digits. */
export function keyOf(question: Question): string {
  const found = known.get(question);
  if (found !== undefined) return found;
  const key = sha256(canonicalJson(question as unknown as Json));
  known.set(question, key);
  return key;
}
