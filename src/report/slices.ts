import type { ReportTable } from './table.js';

/** Figures of all models on the rows that have one value of a field. */
export interface Slice<Figures> {
  /** Null unless `of` is `value`. */
  readonly value: string | null;
  /** `others`: all values beyond the most frequent ones together; `without`: the rows that have no such field. */
  readonly of: 'value' | 'others' | 'without';
  readonly rows: number;
  /** So few rows that chance speaks. */
  readonly small: boolean;
  /** In the order of the report's models. */
  readonly models: readonly Figures[];
}

export interface SlicedField<Figures> {
  readonly field: string;
  /** How many values there are. */
  readonly values: number;
  /** The most frequent values first, of equally frequent ones the first by code units; then `others`, then `without`. */
  readonly slices: readonly Slice<Figures>[];
}

/** Values of a field that have a slice of their own, at most. */
const MOST_VALUES = 12;
const SMALL = 30;

/** A row's further texts, by name. */
export interface FieldedRow {
  readonly fields?: Readonly<Record<string, string>>;
}

/**
 * Figures by the values of fields.
 * @param figuresOf of rows, given by number, each model's
 */
export function slicesOf<Figures>(
  rows: readonly FieldedRow[],
  fields: readonly string[],
  figuresOf: (sample: Int32Array) => readonly Figures[],
): SlicedField<Figures>[] {
  return fields.map((field) => {
    const byValue = new Map<string, number[]>();
    const without: number[] = [];
    for (const [i, { fields: own }] of rows.entries()) {
      const value = own?.[field];
      const group = value === undefined ? without : (byValue.get(value) ?? []);
      group.push(i);
      if (value !== undefined) byValue.set(value, group);
    }
    const groups = [...byValue].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
    const others = groups.slice(MOST_VALUES).flatMap(([, group]) => group);
    const slice = (of: Slice<Figures>['of'], value: string | null, group: readonly number[]): Slice<Figures> => {
      const models = figuresOf(Int32Array.from(group));
      return { value, of, rows: group.length, small: group.length < SMALL, models };
    };
    return {
      field,
      values: groups.length,
      slices: [
        ...groups.slice(0, MOST_VALUES).map(([value, group]) => slice('value', value, group)),
        ...(others.length > 0 ? [slice('others', null, others)] : []),
        ...(without.length > 0 ? [slice('without', null, without)] : []),
      ],
    };
  });
}

/** Characters of a value in a table. */
const SHOWN = 40;

/**
 * One field as a table: a row a value, a column a model.
 * @param names of the models; @param figure what the cells are
 */
export function sliceTable<Figures>(
  title: string,
  { field, values, slices }: SlicedField<Figures>,
  names: readonly string[],
  figure: string,
  cell: (figures: Figures) => string,
): ReportTable {
  const others = values - slices.filter(({ of }) => of === 'value').length;
  const nameOf = ({ of, value }: Slice<Figures>): string => {
    if (of === 'others') return `${others} others`;
    if (value === null) return `without ${field}`;
    return value.length > SHOWN ? `${value.slice(0, SHOWN - 1)}…` : value;
  };
  const few = slices.some(({ small }) => small) ? [`* fewer than ${SMALL} rows: chance speaks.`] : [];
  return {
    title: `${title}: ${figure} by ${field}`,
    columns: [
      { label: field, align: 'left' },
      { label: 'rows', align: 'right' },
      ...names.map((label) => ({ label, align: 'right' as const })),
    ],
    rows: slices.map((slice) => [
      nameOf(slice),
      `${slice.rows}${slice.small ? '*' : ''}`,
      ...slice.models.map((figures) => cell(figures)),
    ]),
    notes: few,
  };
}
