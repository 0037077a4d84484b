/** Pieces of Markdown, made of text that may hold anything. */

/** Text in a line of its own or a cell of a table. */
export const plain = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_{}[\]<>|]/g, (mark) => `\\${mark}`)
    .trim();

/** Text as it is, in a line or a cell. */
export function code(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}

/** @param rows of cells that are Markdown already; @param right which columns hold numbers */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (right.includes(i) ? '---:' : '---'))), ...rows.map(line)].join('\n');
}

export const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

export const section = (title: string, ...parts: readonly (string | undefined)[]): string =>
  [`## ${title}`, ...parts.filter((part) => part !== undefined && part !== '')].join('\n\n');

/** `1,850,754` */
export const grouped = (n: number): string => n.toLocaleString('en-US');

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
export const figure = (x: number | null): string => (x === null ? '–' : x.toFixed(4));

/** A value of a recipe, in a line: `spam, ham`, `uniform`, `{"k":64}`. */
export function shown(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
