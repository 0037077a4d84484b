import { stat } from 'node:fs/promises';
import { StepFailure } from '../../util/failure.js';
import { readLines } from '../lines.js';
import { type AnnotationFields, readAnnotations, textOfWords } from './annotations.js';
import { nameOf } from './name-of.js';
import type { Item, Source } from './source.js';

export interface JsonlSource extends AnnotationFields {
  readonly type: 'jsonl';
  /** Absolute. */
  readonly path: string;
  /** Name of the field that holds the text. */
  readonly text: string;
  /** Name of the field that holds the label; where it is absent or null the row is unlabelled. */
  readonly label: string;
  /** Names of further fields to keep. */
  readonly fields: readonly string[];
  /** Name of the field that holds the response; where it is absent or null the row has none. */
  readonly response?: string;
}

/** A file of JSON objects, one a line; blank lines are passed over. Numbers and booleans become labels as written. */
export const jsonl: Source<JsonlSource> = {
  type: 'jsonl',
  async *read(options, report) {
    const { path } = options;
    const total = Math.ceil((await stat(path)).size / 1024);
    let rows = 0;
    for await (const line of readLines(path)) {
      if (line.text.trim() === '') continue;
      yield parse(line.text, `${path}:${line.number}`, options);
      if (++rows % 256 === 0) {
        await report.progress({ done: Math.floor(line.end / 1024), total, unit: 'KiB', phase: 'reading' });
      }
    }
    if (rows === 0) throw new StepFailure('empty-file', `${path}: the file has no rows`);
  },
};

function parse(line: string, where: string, options: JsonlSource): Item {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new StepFailure('bad-row', `${where}: not valid JSON`, 'Each line has to be one JSON object.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StepFailure('bad-row', `${where}: expected a JSON object, got ${nameOf(value)}`);
  }
  const row = new Map<string, unknown>(Object.entries(value));
  const text = textOfWords(row, options, where) ?? row.get(options.text);
  if (text === undefined) {
    const fields = [...row.keys()].map((key) => `"${key}"`).join(', ');
    throw new StepFailure(
      'bad-row',
      `${where}: no field "${options.text}"`,
      fields ? `The row has ${fields}; name the one with the text in the option "text".` : 'The row has no fields.',
    );
  }
  if (typeof text !== 'string') {
    throw new StepFailure('bad-row', `${where}: field "${options.text}" has to be a string, got ${nameOf(text)}`);
  }
  const label = row.get(options.label) ?? null;
  if (label !== null && typeof label !== 'string' && typeof label !== 'number' && typeof label !== 'boolean') {
    throw new StepFailure(
      'bad-row',
      `${where}: field "${options.label}" has to be a string, number, boolean or null, got ${nameOf(label)}`,
    );
  }
  const response = options.response === undefined ? null : (row.get(options.response) ?? null);
  if (response !== null && typeof response !== 'string') {
    const message = `${where}: field "${options.response}" has to be a string or null, got ${nameOf(response)}`;
    throw new StepFailure('bad-row', message);
  }
  const annotations = readAnnotations(row, text, options, where);
  const known = {
    text,
    label: label === null ? null : String(label),
    ...(response !== null && { response }),
    ...(annotations && { annotations }),
  };
  if (options.fields.length === 0) return known;
  const fields = options.fields.map((name) => {
    const value = row.get(name);
    if (typeof value === 'string') return [name, value];
    const message = `${where}: field "${name}" has to be a string, ${value === undefined ? 'and is not there' : `got ${nameOf(value)}`}`;
    throw new StepFailure('bad-row', message);
  });
  return { ...known, fields: Object.fromEntries(fields) };
}
