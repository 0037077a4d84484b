import stringWidth from 'string-width';
import type { Diagnostic } from './diagnostic.js';

/** Columns of source shown of one line; longer lines are cut to a window around the error. */
const WINDOW = 160;

/**
 * Diagnostics as a compiler prints them: `file:line:column error: message. hint`, the source line behind a gutter
 * with its number, and carets below. Ends without a newline.
 * @param sources text of each file by the name that the diagnostics use; without it only the first line is printed
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  { color = false }: { readonly color?: boolean } = {},
): string {
  const lines = new Map([...sources].map(([file, text]) => [file, text.replace(/^\ufeff/, '').split(/\r?\n/)]));
  // Whatever else is wrong with a line, it is not shown if a secret stands in it.
  const place = ({ file, line }: Diagnostic): string => `${file}:${line}`;
  const secret = new Set(diagnostics.filter(({ code }) => code === 'secret-in-recipe').map(place));
  const lineOf = (diagnostic: Diagnostic): string | undefined =>
    secret.has(place(diagnostic)) ? undefined : lines.get(diagnostic.file)?.[diagnostic.line - 1];
  return diagnostics.map((diagnostic) => renderOne(diagnostic, lineOf(diagnostic), color)).join('\n\n');
}

function renderOne(d: Diagnostic, sourceLine: string | undefined, color: boolean): string {
  const paint = (style: string, text: string) => (color ? `\u001b[${style}m${text}\u001b[0m` : text);
  const severity = paint(d.severity === 'error' ? '1;31' : '1;33', `${d.severity}:`);
  const where = paint('1', d.line > 0 ? `${d.file}:${d.line}:${d.column}` : d.file);
  const head = `${where} ${severity} ${d.message}${d.hint === undefined ? '' : `. ${d.hint}`}`;
  if (sourceLine === undefined) return head;
  const { before, marked, after } = excerpt(sourceLine, d.column - 1, d.length);
  const number = String(d.line);
  const bar = paint('2', '|');
  const carets = paint('1;31', '^'.repeat(Math.max(1, stringWidth(marked))));
  const indent = before.replace(/[^\t]+/g, (text) => ' '.repeat(stringWidth(text)));
  return [
    head,
    `${' '.repeat(number.length)} ${bar}`,
    `${paint('2', number)} ${bar} ${before}${marked}${after}`,
    `${' '.repeat(number.length)} ${bar} ${indent}${carets}`,
  ].join('\n');
}

function excerpt(line: string, start: number, length: number): { before: string; marked: string; after: string } {
  const from = line.length > WINDOW ? Math.max(0, Math.min(start - WINDOW / 4, line.length - WINDOW)) : 0;
  const to = Math.min(line.length, from + WINDOW);
  const end = Math.min(start + length, to);
  return {
    before: (from > 0 ? '…' : '') + printable(line.slice(from, start)),
    marked: printable(line.slice(start, end)),
    after: printable(line.slice(end, to)) + (to < line.length ? '…' : ''),
  };
}

/** Control characters would move the cursor or colour the terminal; they are shown as their Unicode pictures. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => {
    if (c === '\t') return c;
    return c < ' ' ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : '\u2421';
  });
}
