import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { Diagnostic, Result } from './diagnostic.js';
import type { Place } from './plan.js';

/** A text file with the means to say where in it something stands. */
export interface Source {
  /** As messages call it: relative to the working folder. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** The place of `text.slice(start, end)`, cut at the end of its first line. */
  place(start: number, end: number): Place;
}

/** Reads a UTF-8 file, with or without a byte order mark. */
export async function readSource(file: string): Promise<Result<Source>> {
  const path = resolve(file);
  const shown = relative(process.cwd(), path) || file;
  const fail = (code: string, message: string, hint?: string, line = 0, column = 0): Result<Source> => ({
    ok: false,
    diagnostics: [
      { severity: 'error', code, message, ...(hint ? { hint } : {}), file: shown, line, column, length: 1 },
    ],
  });
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return fail('missing-recipe', 'there is no such file');
    if (code === 'EISDIR')
      return fail('unreadable-recipe', 'this is a folder, not a recipe', 'Name the .yaml file in it');
    return fail('unreadable-recipe', `the file cannot be read: ${message}`);
  }
  if (!isUtf8(bytes)) {
    const { line, column, byte } = firstBadByte(bytes);
    const hex = byte.toString(16).toUpperCase().padStart(2, '0');
    return fail('bad-utf8', `the byte 0x${hex} is not valid UTF-8`, 'Save the file as UTF-8', line, column);
  }
  const text = new TextDecoder().decode(bytes);
  return { ok: true, value: makeSource(shown, path, text), warnings: [] };
}

export function makeSource(file: string, path: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  const place = (start: number, end: number): Place => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lineStarts[middle] as number) <= start) low = middle;
      else high = middle;
    }
    const lineEnd = (lineStarts[low + 1] ?? text.length + 1) - 1;
    const stop = text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd;
    return {
      line: low + 1,
      column: start - (lineStarts[low] as number) + 1,
      length: Math.max(1, Math.min(end, stop) - start),
    };
  };
  return { file, path, text, place };
}

/** A newline byte is never part of a longer sequence, so the first bad line can be found before the bad byte. */
function firstBadByte(bytes: Buffer): { line: number; column: number; byte: number } {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0 && isUtf8(bytes.subarray(start, end)); end = bytes.indexOf(10, start)) {
    start = end + 1;
    line++;
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: line > 1 });
  let column = 1;
  let first = start;
  try {
    for (let at = start; at < bytes.length && bytes[at] !== 10; at++) {
      const decoded = decoder.decode(bytes.subarray(at, at + 1), { stream: true });
      if (decoded === '') continue;
      column += decoded.length;
      first = at + 1;
    }
  } catch {
    // The sequence that began at `first` is the bad one.
  }
  return { line, column, byte: bytes[first] as number };
}

/** The text of each file that diagnostics are about, for `renderDiagnostics`; files that cannot be read are left out. */
export async function readSources(diagnostics: readonly Diagnostic[]): Promise<Map<string, string>> {
  const files = new Set(diagnostics.filter((d) => d.line > 0).map((d) => d.file));
  const sources = new Map<string, string>();
  for (const file of files) {
    const bytes = await readFile(resolve(file)).catch(() => undefined);
    if (bytes) sources.set(file, new TextDecoder().decode(bytes));
  }
  return sources;
}
