import { badRequest } from './errors.js';
import type { TextOrTokens } from './protocol.js';

/**
 * Checks tokens that a request brings, before they meet those of others in one pass.
 *
 * @param vocabulary tokens that there are
 * @param param of the request
 * @throws ApiError if one of them is none
 */
export function checkTokens(texts: readonly TextOrTokens[], vocabulary: number, param: string): void {
  for (const text of texts) {
    const wrong = typeof text === 'string' ? undefined : text.find((id) => id >= vocabulary);
    if (wrong !== undefined) {
      throw badRequest(`There is no token ${wrong}: the model has tokens 0 to ${vocabulary - 1}.`, param);
    }
  }
}
