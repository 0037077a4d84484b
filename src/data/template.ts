import { StepFailure } from '../util/failure.js';
import type { Row } from './dataset.js';

/** What a model that writes is asked where nobody says. */
export const USUAL_PROMPT = '{{text}}\n';

const HOLE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** What a prompt may name of a row: `text`, and its other fields. */
export const fieldsOf = (row: Pick<Row, 'text' | 'fields'>): Readonly<Record<string, string>> => ({
  ...row.fields,
  text: row.text,
});

/** Names of the fields that a template takes. */
export const holesOf = (template: string): string[] => [...template.matchAll(HOLE)].map(([, name]) => name as string);

/**
 * Puts a row's fields into `{{ name }}`. Nothing is evaluated and what a field holds is not looked at again, so a text
 * with braces in it stays as it is.
 * @throws StepFailure if the row lacks a field
 */
export function fill(template: string, fields: Readonly<Record<string, string>>, where: string): string {
  return template.replaceAll(HOLE, (_, name: string) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value !== undefined) return value;
    const names = Object.keys(fields).map((field) => `"${field}"`);
    throw new StepFailure(
      'no-field',
      `the prompt takes the field "${name}", which ${where} does not have`,
      `It has ${names.join(', ')}. Name one of them, or let sample-data keep the field (option "fields" of its source).`,
    );
  });
}
