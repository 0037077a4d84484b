import stringWidth from 'string-width';
import { bar, pad, truncate, truncateMiddle } from '../format.js';

/** What a piece of a line means; the renderer gives it a colour, the text says it too. */
export type Tone = 'plain' | 'dim' | 'good' | 'bad' | 'warn' | 'active';

export interface Segment {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Segment[];

/** The columns after the name, in the order they are shown. */
const COLUMNS = ['uses', 'bar', 'percent', 'done', 'rate', 'left', 'loss', 'spark', 'memory', 'phase'] as const;
export type Column = (typeof COLUMNS)[number];

/** Which column goes first when there is no room: the last of the list. `percent` stands in for `done` where that is too wide. */
const PRIORITY: readonly Column[] = [
  'done',
  'percent',
  'left',
  'loss',
  'bar',
  'spark',
  'rate',
  'phase',
  'memory',
  'uses',
];

/** So that columns do not jump when a number gets a digit more. */
const LEAST_WIDTH: Partial<Record<Column, number>> = { percent: 4, rate: 7, left: 8, loss: 11, memory: 6 };

const BAR_WIDTH = 10;
const WIDEST_BAR = 24;
/** A name is cut to make room for the columns that matter most, and cut less for the others. */
const SHORTEST_NAME = 12;
const READABLE_NAME = 28;
const ESSENTIAL: ReadonlySet<Column> = new Set(['done', 'percent', 'left', 'loss']);

/** One step on the screen. */
export interface Row {
  readonly mark: Segment;
  readonly name: string;
  readonly cells: Readonly<Partial<Record<Column, string>>>;
  /** 0 … 1, drawn in column `bar`. */
  readonly share?: number;
  /** Instead of columns: all that is left of the line. */
  readonly note?: Segment;
}

/** Rows as aligned lines of at most `width` columns. Columns for which there is no room are left out for all rows. */
export function layoutRows(rows: readonly Row[], width: number): Line[] {
  const withBar = rows.some((row) => row.share !== undefined);
  const widths = new Map<Column, number>();
  for (const column of COLUMNS) {
    const texts = rows.flatMap((row) => row.cells[column] ?? []);
    if (column === 'bar') withBar && widths.set(column, BAR_WIDTH);
    else if (texts.length > 0)
      widths.set(column, Math.max(LEAST_WIDTH[column] ?? 0, ...texts.map((t) => stringWidth(t))));
  }
  const fullName = Math.max(0, ...rows.map((row) => stringWidth(row.name)));
  let used = 0;
  const shown = new Set<Column>();
  for (const column of PRIORITY) {
    const cost = (widths.get(column) ?? 0) + 2;
    if (column === 'percent' && shown.has('done')) continue;
    const name = Math.min(fullName, ESSENTIAL.has(column) ? SHORTEST_NAME : READABLE_NAME);
    if (!widths.has(column) || used + cost > width - 2 - name) continue;
    shown.add(column);
    used += cost;
  }
  const nameWidth = Math.min(fullName, Math.max(1, width - 2 - used));
  const slack = width - 2 - nameWidth - used;
  if (shown.has('bar')) widths.set('bar', Math.min(WIDEST_BAR, BAR_WIDTH + Math.max(0, slack)));

  return rows.map((row) => {
    const line: Segment[] = [
      row.mark,
      { text: ` ${pad(truncateMiddle(row.name, nameWidth), nameWidth)}`, tone: 'plain' },
    ];
    if (row.note) {
      const room = width - 4 - nameWidth;
      if (room >= 8) line.push({ text: `  ${truncate(row.note.text, room)}`, tone: row.note.tone });
      return trimEnd(line);
    }
    for (const column of COLUMNS) {
      if (shown.has(column)) line.push(cell(row, column, widths.get(column) ?? 0));
    }
    return trimEnd(line);
  });
}

const NUMBERS: ReadonlySet<Column> = new Set(['done', 'percent', 'rate', 'left', 'loss', 'memory']);

function cell(row: Row, column: Column, width: number): Segment {
  if (column === 'bar') {
    return { text: `  ${row.share === undefined ? ' '.repeat(width) : bar(row.share, width)}`, tone: 'active' };
  }
  const text = pad(row.cells[column] ?? '', width, NUMBERS.has(column) ? 'right' : 'left');
  const tone =
    column === 'done' || column === 'percent' || column === 'loss' ? 'plain' : column === 'spark' ? 'active' : 'dim';
  return { text: `  ${text}`, tone };
}

function trimEnd(line: readonly Segment[]): Line {
  const kept = [...line];
  for (let last = kept.at(-1); last; last = kept.at(-1)) {
    const text = last.text.trimEnd();
    kept.pop();
    if (text === '') continue;
    kept.push({ text, tone: last.tone });
    break;
  }
  return kept;
}

/** The text of a line, without tones. */
export function lineText(line: Line): string {
  return line.map((segment) => segment.text).join('');
}
