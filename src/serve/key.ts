import { createHash, timingSafeEqual } from 'node:crypto';
import { ApiError } from './errors.js';

/**
 * A check of `Authorization: Bearer KEY`, whose time tells nothing of the key.
 *
 * @returns throws ApiError 401 unless the header carries it
 */
export function keyCheck(key: string): (authorization: string | undefined) => void {
  const expected = digest(key);
  return (authorization) => {
    const given = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    throw new ApiError({
      status: 401,
      message: given === undefined ? 'A key is needed: Authorization: Bearer KEY.' : 'This is not the key.',
      type: 'authentication_error',
      param: null,
      code: 'invalid_api_key',
    });
  };
}

/** Of one length, whatever the key's. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
