import { fieldsOf } from '../../data/template.js';
import type { Stratified } from '../../options/choose-data.js';
import { StepFailure } from '../../util/failure.js';
import { defineMethod } from '../method.js';
import type { Pool } from '../pool.js';
import { byQuota } from '../quotas.js';

/** Groups of texts by their length. */
const LENGTHS = 10;

export const stratified = defineMethod<Stratified>({
  type: 'stratified',
  logits: 'none',
  async choose(task, { field, quota }) {
    const values = await (field === 'length' ? lengths(task.pool) : valuesOf(task.pool, field));
    const keys = [...new Set(values)].sort();
    const places = new Map(keys.map((key, i) => [key, i]));
    const groups = Int32Array.from(values, (value) => places.get(value) as number);
    return byQuota(task, groups, keys, quota);
  },
});

/** A row's tenth by its number of characters; equally long texts are in the same one. */
async function lengths(pool: Pool): Promise<string[]> {
  const sizes = new Int32Array(pool.count);
  await pool.each(({ text }, i) => {
    sizes[i] = text.length;
  });
  const sorted = sizes.slice().sort();
  const limits = Array.from({ length: LENGTHS - 1 }, (_, i) => sorted[Math.floor(((i + 1) * pool.count) / LENGTHS)]);
  return Array.from(sizes, (size) => String(limits.filter((limit) => (limit as number) <= size).length));
}

/** @throws StepFailure if no row has the field */
async function valuesOf(pool: Pool, field: string): Promise<string[]> {
  const values: string[] = [];
  const names = new Set<string>();
  let having = 0;
  await pool.each((row) => {
    const fields = fieldsOf(row);
    for (const name of Object.keys(fields)) names.add(name);
    const value =
      field === 'label' ? (row.label ?? undefined) : Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (value !== undefined) having++;
    // A key of its own, whatever values there are.
    values.push(value === undefined ? '' : `=${value}`);
  });
  if (having > 0) return values;
  if (field === 'label') {
    const message = 'no row has a label to make groups of';
    throw new StepFailure('unlabelled-data', message, 'Choose by k-centre, or name another field.', '/by/field');
  }
  const known = ['label', 'length', ...names].map((name) => `"${name}"`).join(', ');
  const hint = `There are ${known}. sample-data keeps more (option "fields" of its source).`;
  throw new StepFailure('no-field', `no row has a field "${field}"`, hint, '/by/field');
}
