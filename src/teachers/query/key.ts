import { canonicalJson, sha256 } from '../../util/canonical.js';
import type { Json } from '../../util/json.js';
import type { Question } from './reply.js';

/** The name under which an answer is kept: SHA-256 of all that the answer depends on, 64 hex digits. */
export function keyOf(question: Question): string {
  return sha256(canonicalJson(question as unknown as Json));
}
