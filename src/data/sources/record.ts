import { type AnnotationFields, readAnnotations, textOfWords } from './annotations.js';
import { nameOf } from './name-of.js';
import { badRow, type TextItem } from './source.js';

/** Which fields of a record say what. */
export interface RecordFields extends AnnotationFields {
  /** Name of the field that holds the text. */
  readonly text: string;
  /** Name of the field that holds the label; where it is absent or null the row is unlabelled. */
  readonly label: string;
  /** What each label is called; null: unlabelled. Rows have no other. */
  readonly label_names?: Readonly<Record<string, string | null>>;
  /** Names of further fields to keep. */
  readonly fields: readonly string[];
  /** Name of the field that holds the response; where it is absent or null the row has none. */
  readonly response?: string;
}

/**
 * A record as a row: numbers and booleans become labels as written.
 * @param where `file:line`
 * @param keys fields to say beside those that are kept
 * @throws StepFailure `bad-row`
 */
export function recordItem(
  row: ReadonlyMap<string, unknown>,
  where: string,
  options: RecordFields,
  keys: readonly string[],
): TextItem {
  const text = textOfWords(row, options, where) ?? row.get(options.text);
  if (text === undefined) {
    const fields = [...row.keys()].map((key) => `"${key}"`).join(', ');
    const hint = `The row has ${fields}; name the one with the text in the option "text".`;
    throw badRow(where, `no field "${options.text}"`, fields ? hint : 'The row has no fields.');
  }
  if (typeof text !== 'string') {
    throw badRow(where, `field "${options.text}" has to be a string, got ${nameOf(text)}`);
  }
  const label = labelOf(row.get(options.label) ?? null, where, options);
  const response = options.response === undefined ? null : (row.get(options.response) ?? null);
  if (response !== null && typeof response !== 'string') {
    throw badRow(where, `field "${options.response}" has to be a string or null, got ${nameOf(response)}`);
  }
  const annotations = readAnnotations(row, text, options, where);
  return {
    text,
    label,
    ...(response !== null && { responses: [response] }),
    ...(annotations && { annotations }),
    // As rows of a dataset have it.
    ...(row.get('synthetic') === true && { synthetic: true }),
    ...(options.fields.length > 0 && { fields: pick(row, options.fields, where, isString, 'a string') }),
    ...(keys.length > 0 && { keys: pick(row, keys, where, isPlain, 'a string or number') }),
  };
}

function labelOf(value: unknown, where: string, { label: field, label_names: names }: RecordFields): string | null {
  if (value !== null && typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw badRow(where, `field "${field}" has to be a string, number, boolean or null, got ${nameOf(value)}`);
  }
  if (value === null || names === undefined) return value === null ? null : String(value);
  const name = Object.hasOwn(names, String(value)) ? names[String(value)] : undefined;
  if (name !== undefined) return name;
  const known = Object.keys(names).map((each) => `"${each}"`);
  throw badRow(where, `the label "${value}" is not in label_names`, `It has ${known.join(', ')}.`);
}

const isString = (value: unknown): boolean => typeof value === 'string';
const isPlain = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';

function pick(
  row: ReadonlyMap<string, unknown>,
  names: readonly string[],
  where: string,
  fits: (value: unknown) => boolean,
  kind: string,
): Record<string, string> {
  const found = names.map((name) => {
    const value = row.get(name);
    if (fits(value)) return [name, String(value)];
    throw badRow(
      where,
      `field "${name}" has to be ${kind}, ${value === undefined ? 'and is not there' : `got ${nameOf(value)}`}`,
    );
  });
  return Object.fromEntries(found);
}
