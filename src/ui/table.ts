import stringWidth from 'string-width';
import type { Table } from '../engine/step.js';
import { clean, pad, wrap } from './format.js';

/** Lines of cells, the first line being the head; each column starts left or right. */
interface Grid {
  readonly lines: readonly (readonly string[])[];
  readonly align: readonly ('left' | 'right')[];
}

/**
 * A table as lines of text, at most `width` columns wide: a row a line if that fits, else a row a column, else one
 * `label: value` a line. `Infinity` for output that is no terminal.
 */
export function renderTable(table: Table, width: number): string[] {
  const labels = table.columns.map((column) => clean(column.label));
  const rows = table.rows.map((row) => labels.map((_, i) => clean(row[i] ?? '')));
  const upright: Grid = { lines: [labels, ...rows], align: table.columns.map((column) => column.align) };
  const turned: Grid = {
    lines: labels.map((label, i) => [label, ...rows.map((row) => row[i] ?? '')]),
    align: ['left', ...rows.map(() => 'right' as const)],
  };
  const body = drawn(upright, width) ?? drawn(turned, width) ?? stacked(labels, rows, width);
  const notes = table.notes.flatMap((note) => wrap(clean(note), width));
  return [...wrap(clean(table.title), width), '', ...body, ...(notes.length > 0 ? ['', ...notes] : [])];
}

/** Undefined if it does not fit. */
function drawn({ lines, align }: Grid, width: number): string[] | undefined {
  const widths = align.map((_, i) => Math.max(...lines.map((cells) => stringWidth(cells[i] ?? ''))));
  const total = widths.reduce((sum, w) => sum + w, 0) + 2 * (widths.length - 1);
  if (total > width) return undefined;
  const [head = '', ...rest] = lines.map((cells) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, align[i]))
      .join('  ')
      .trimEnd(),
  );
  return [head, '─'.repeat(total), ...rest];
}

function stacked(labels: readonly string[], rows: readonly (readonly string[])[], width: number): string[] {
  return rows.flatMap((row, r) => [
    ...(r === 0 ? [] : ['']),
    ...row.flatMap((cell, i) => wrap((labels[i] ? `${labels[i]}: ${cell}` : cell).trimEnd(), width, '', '  ')),
  ]);
}
