import stringWidth from 'string-width';
import type { Table } from '../engine/step.js';
import { clean, pad, wrap } from './format.js';

/**
 * A table as lines of text, at most `width` columns wide: aligned columns if they fit, else one `label: value` a
 * line. `Infinity` for output that is no terminal.
 */
export function renderTable(table: Table, width: number): string[] {
  const labels = table.columns.map((column) => clean(column.label));
  const rows = table.rows.map((row) => labels.map((_, i) => clean(row[i] ?? '')));
  const widths = labels.map((label, i) =>
    Math.max(...[label, ...rows.map((row) => row[i] ?? '')].map((t) => stringWidth(t))),
  );
  const total = widths.reduce((sum, w) => sum + w, 0) + 2 * (widths.length - 1);
  const notes = table.notes.flatMap((note) => wrap(clean(note), width));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, table.columns[i]?.align))
      .join('  ')
      .trimEnd();
  const body =
    total <= width
      ? [line(labels), '─'.repeat(total), ...rows.map(line)]
      : rows.flatMap((row, r) => [
          ...(r === 0 ? [] : ['']),
          ...row.flatMap((cell, i) => wrap((labels[i] ? `${labels[i]}: ${cell}` : cell).trimEnd(), width, '', '  ')),
        ]);
  return [...wrap(clean(table.title), width), '', ...body, ...(notes.length > 0 ? ['', ...notes] : [])];
}
