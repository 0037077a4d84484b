import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { type ApiError, badRequest } from './errors.js';

/** What is wrong with a body, which parameter it is, and what is allowed. */
export function invalidBody(error: FastifySchemaValidationError, supported: readonly string[]): ApiError {
  const { keyword, instancePath, params, message } = error;
  const inside = instancePath
    .replace(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')
    .replace(/^\./, '');
  const within = (name: unknown): string => (inside === '' ? String(name) : `${inside}.${name}`);
  switch (keyword) {
    case 'required': {
      const missing = within(params.missingProperty);
      return badRequest(`"${missing}" is missing.`, missing, 'missing_required_parameter');
    }
    case 'additionalProperties': {
      const name = within(params.additionalProperty);
      return badRequest(
        `"${name}" is not supported here; supported are ${supported.join(', ')}.`,
        name,
        'unknown_parameter',
      );
    }
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ');
      return badRequest(`"${inside}" must be one of ${allowed}.`, inside, 'invalid_value');
    }
    case 'type': {
      const types = [params.type as string | string[]].flat().filter((type) => type !== 'null');
      const subject = inside === '' ? 'The body' : `"${inside}"`;
      return badRequest(`${subject} must be of type ${types.join(' or ')}.`, inside || null, 'invalid_type');
    }
    default:
      return badRequest(`"${inside}" ${message}.`, inside, 'invalid_value');
  }
}
