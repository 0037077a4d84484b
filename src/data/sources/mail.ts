import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import { readMailText } from './mail-text.js';
import type { Item, Source } from './source.js';

export interface MailSource {
  readonly type: 'mail';
  /** Absolute folder of an installed npm package; this or `path`. */
  readonly package?: string;
  /** Absolute folder; this or `package`. */
  readonly path?: string;
  /** Folder in it that holds the labelled folders. */
  readonly folder: string;
  /** The label of each folder's mails; null for unlabelled. */
  readonly labels: Readonly<Record<string, string | null>>;
  /** Parts of a mail to keep apart as well. */
  readonly fields: readonly ('subject' | 'body')[];
  /** The part that the rest is to be answered with: the text is then the body alone. */
  readonly response?: 'subject';
}

/** Folders of mails, one message a file. Files named `*.json` or `.*` are passed over. */
export const mail: Source<MailSource> = {
  type: 'mail',
  async *read(options, report) {
    const files = await listMails(options, report);
    // The parser waits for blobs all the time: while one mail waits, others are parsed.
    const ahead: Promise<Item>[] = [];
    for (let done = 0; done < files.length; done++) {
      while (ahead.length < AHEAD && done + ahead.length < files.length) {
        ahead.push(readMail(files[done + ahead.length] as MailFile, options));
      }
      yield (await ahead.shift()) as Item;
      if (done % 16 === 15)
        await report.progress({ done: done + 1, total: files.length, unit: 'mails', phase: 'parsing' });
    }
  },
};

const AHEAD = 8;

/** Never rejects: what cannot be read is an item too. */
async function readMail({ path, where, label }: MailFile, { fields, response }: MailSource): Promise<Item> {
  try {
    const mail = await readMailText(await readFile(path));
    const known =
      response === undefined ? { text: mail.text, label } : { text: mail.body, label, response: mail.subject };
    if (fields.length === 0) return known;
    return { ...known, fields: Object.fromEntries(fields.map((name) => [name, mail[name]])) };
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error), where, label };
  }
}

interface MailFile {
  readonly path: string;
  /** For messages: relative to the source's folder. */
  readonly where: string;
  readonly label: string | null;
}

/** Every mail, by folder and file name: neither the file system's order nor the recipe's matters. */
async function listMails(options: MailSource, report: { log(level: 'info', message: string): void }) {
  const [base, second] = [options.package, options.path].filter((folder) => folder !== undefined);
  if (base === undefined || second !== undefined) {
    const given = base === undefined ? 'neither' : 'both';
    throw new StepFailure('bad-source', `a mail source takes either "package" or "path"; it has ${given}`);
  }
  const root = within(base, options.folder);
  const present = await folders(root);
  const files: MailFile[] = [];
  const used = Object.entries(options.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, label] of used) {
    const folder = within(root, name);
    if (!(await isFolder(folder))) {
      throw new StepFailure('no-mail', `no folder "${name}" in ${root}`, `It has ${list(present)}.`);
    }
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith('.json'))
      .map((entry) => entry.name)
      .sort();
    if (names.length === 0) throw new StepFailure('no-mail', `no mails in ${folder}`);
    for (const file of names) files.push({ path: join(folder, file), where: `${name}/${file}`, label });
  }
  const others = present.filter((name) => !used.some(([key]) => normalize(key).split(/[\\/]/)[0] === name));
  if (others.length > 0) report.log('info', `folders without a label, left out: ${list(others)}`);
  return files;
}

/** A folder below another one. What lies outside is not part of the step's fingerprint. */
function within(root: string, name: string): string {
  if (isAbsolute(name) || normalize(name).split(/[\\/]/).includes('..')) {
    throw new StepFailure('no-mail', `the folder "${name}" has to lie in ${root}`);
  }
  return join(root, name);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function folders(root: string): Promise<string[]> {
  if (!(await isFolder(root))) throw new StepFailure('no-mail', `no folder ${root}`);
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'no folders' : names.map((name) => `"${name}"`).join(', ');
}
