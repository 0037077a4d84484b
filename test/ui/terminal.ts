import { EventEmitter } from 'node:events';

/**
 * A terminal good enough for Ink: it has a size, and understands the few sequences that Ink writes (erase line,
 * cursor up, cursor to the left edge), so that a test sees what a person would.
 */
export class Terminal extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  /** Everything written, as it came. */
  raw = '';
  private lines: string[] = [''];
  private row = 0;

  constructor(
    public columns: number,
    public rows: number,
  ) {
    super();
  }

  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }

  /** Scrollback and screen, without the empty lines at the end. */
  get text(): string[] {
    const lines = this.lines.map((line) => line.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }

  write(chunk: string, written?: () => void): boolean {
    this.raw += chunk;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences
    for (const [piece, code, final] of chunk.matchAll(/\u001b\[([0-9;?]*)([A-Za-z])|\n|[^\u001b\n]+/g)) {
      if (piece === '\n') this.down();
      else if (final === 'A') this.row = Math.max(0, this.row - Number(code || 1));
      else if (final === 'K') this.lines[this.row] = '';
      else if (final === undefined) this.lines[this.row] += piece;
      else if (final === 'J') throw new Error('the screen must not be cleared');
    }
    written?.();
    return true;
  }

  private down(): void {
    this.row += 1;
    if (this.row === this.lines.length) this.lines.push('');
  }
}
