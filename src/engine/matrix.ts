import type { Json } from '../util/json.js';
import { isObject } from './schema-set.js';

/** One value of each matrix key, and the index it has in its list. */
export interface Combination {
  /** `student[hidden=64,seed=1]`; the step's own id if it has no matrix. */
  readonly instance: string;
  readonly values: ReadonlyMap<string, { readonly value: Json; readonly index: number }>;
}

/** The cartesian product in the recipe's order: the last key changes fastest. */
export function combinations(step: string, matrix: ReadonlyMap<string, readonly Json[]>): Combination[] {
  let rows: Cell[][] = [[]];
  for (const [key, values] of matrix) {
    const cells = values.map((value, index): Cell => [key, { value, index }]);
    rows = rows.flatMap((row) => cells.map((cell) => [...row, cell]));
  }
  const labels = new Map([...matrix].map(([key, values]) => [key, labelsOf(values)]));
  return rows.map((row) => {
    const words = row.map(([key, { index }]) => `${key}=${labels.get(key)?.[index]}`);
    return {
      instance: words.length === 0 ? step : `${step}[${words.join(',')}]`,
      values: new Map(row),
    };
  });
}

type Cell = [key: string, { readonly value: Json; readonly index: number }];

const PLAIN = /^[A-Za-z0-9._+-]{1,40}$/;

/**
 * What the values of one key are called in ids: the value if it is plain, the `name` of a mapping, else the index.
 * If two of a list would have the same label, all of it is numbered.
 */
function labelsOf(values: readonly Json[]): string[] {
  const labels = values.map((value, index) => {
    const text = String(isObject(value) ? value.name : value);
    return PLAIN.test(text) && !(isObject(value) && typeof value.name !== 'string') ? text : String(index);
  });
  return new Set(labels).size === labels.length ? labels : values.map((_, index) => String(index));
}
