import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import type { BadItem } from './sources/source.js';

/** How many bad rows are listed; all are counted. */
const LISTED = 10_000;

/** The rows of a source that could not be read: which, why, and whether there are too many. */
export class Quarantine {
  private readonly rows: { readonly where: string; readonly reason: string; readonly raw?: string }[] = [];
  private count = 0;

  /**
   * @param most bad rows that are left out: a number, or below 1 a share of all; undefined: the first is one too many
   * @param folder where the list is put if the step fails because of them
   */
  constructor(
    private readonly most: number | undefined,
    private readonly folder: () => Promise<string>,
  ) {}

  /** @throws StepFailure what the row says, or `too-many-bad-rows` */
  async add({ where, unreadable, raw, failure }: BadItem): Promise<void> {
    if (this.most === undefined && failure !== undefined) throw failure;
    this.count++;
    if (this.rows.length < LISTED) this.rows.push({ where, reason: unreadable, ...(raw !== undefined && { raw }) });
    if (this.most !== undefined && this.most >= 1 && this.count > this.most) throw await this.tooMany('');
    if (this.most === 0) throw await this.tooMany('');
  }

  /**
   * @param read rows of the source, bad ones too
   * @throws StepFailure `too-many-bad-rows`
   */
  async check(read: number): Promise<void> {
    if (this.most === undefined || this.most >= 1 || this.count <= this.most * read) return;
    throw await this.tooMany(` of ${read}`);
  }

  /** Writes the list into a folder, if there is something to list. */
  async write(folder: string): Promise<void> {
    if (this.rows.length > 0) await writeFile(join(folder, 'quarantine.jsonl'), this.text());
  }

  private text(): string {
    return this.rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  }

  private async tooMany(of: string): Promise<StepFailure> {
    const text = this.text();
    const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const file = join(await this.folder(), `${name}.jsonl`);
    await writeFile(file, text);
    const [first] = this.rows;
    return new StepFailure(
      'too-many-bad-rows',
      `${this.count}${of} rows are bad, the first at ${first?.where}: ${first?.reason}`,
      `max_bad is ${this.most}. They are listed in ${file}.`,
      '/max_bad',
    );
  }
}
