import type { Json, JsonObject } from '../util/json.js';
import type { Html } from './html.js';
import { isObject, shown } from './json.js';
import { facts, type PageTable, tableOf } from './table.js';
import { cut, number, plain } from './words.js';

/** Rows shown of a list. */
const ROWS = 50;
/** Characters shown of a text. */
const CHARACTERS = 400;

/** A value in a cell: numbers as people read them, longer things cut. */
export const cellOf = (value: Json | undefined): string => {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'number') return number(value);
  return cut(shown(value), CHARACTERS);
};

/** A list of objects as a table, a column for each of their keys. */
export function listTable(all: readonly JsonObject[], title: string): Html {
  const keys = [...new Set(all.flatMap((one) => Object.keys(one)))];
  const columns: PageTable['columns'] = keys.map((key) => ({
    label: plain(key),
    align: all.every((one) => typeof one[key] !== 'string') ? 'right' : 'left',
  }));
  return tableOf({ columns, rows: all.slice(0, ROWS).map((one) => keys.map((key) => cellOf(one[key]))) }, title);
}

/** Whatever a step measured or wrote down: lists of objects become tables, all else names and values. */
export function anything(value: Json, title: string): Html[] {
  if (Array.isArray(value))
    return value.length > 0 && value.every(isObject)
      ? [listTable(value as JsonObject[], title)]
      : [facts([[title, cellOf(value)]])];
  if (!isObject(value)) return [facts([[title, cellOf(value)]])];
  const lists = Object.entries(value).filter(
    ([, part]) => Array.isArray(part) && part.length > 0 && part.every(isObject),
  );
  const rest = Object.entries(value).filter(([key]) => !lists.some(([name]) => name === key));
  return [
    ...(rest.length > 0 ? [facts(rest.map(([key, part]) => [plain(key), cellOf(part)]))] : []),
    ...lists.map(([key, part]) => listTable(part as JsonObject[], `${title}: ${plain(key)}`)),
  ];
}
