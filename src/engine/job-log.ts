import { createWriteStream, type WriteStream } from 'node:fs';

const TAIL_LINES = 20;

/**
 * What a job's process prints, line by line and redacted: into a file that is made when the first line comes. Where it cannot
 * be written, its folder removed or the disk full, the job goes on without.
 */
export class JobLog {
  private stream: WriteStream | undefined;
  private readonly partial = { out: '', err: '' };
  private readonly lines: string[] = [];

  constructor(
    readonly path: string,
    private readonly redact: (text: string) => string,
  ) {}

  write(source: 'out' | 'err', text: string): void {
    const lines = (this.partial[source] + text).split('\n');
    this.partial[source] = lines.pop() ?? '';
    for (const line of lines) this.line(source, line);
  }

  /** The last lines of the standard error so far. */
  tail(): string[] {
    this.endLines();
    return this.lines;
  }

  async close(): Promise<void> {
    this.endLines();
    const { stream } = this;
    if (stream === undefined) return;
    stream.end();
    if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  }

  private endLines(): void {
    for (const source of ['out', 'err'] as const) {
      if (this.partial[source] !== '') this.write(source, '\n');
    }
  }

  private line(source: 'out' | 'err', line: string): void {
    const text = this.redact(line);
    this.stream ??= createWriteStream(this.path, { flags: 'a' }).on('error', () => {});
    this.stream.write(`${text}\n`);
    if (source !== 'err' || text.trim() === '') return;
    this.lines.push(text);
    if (this.lines.length > TAIL_LINES) this.lines.shift();
  }
}
