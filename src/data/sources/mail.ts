import { readdir, readFile, stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import { folderOf, foldersIn, isFolder, listOf, type Place, within } from './folders.js';
import { type MailKey, readMailText } from './mail-text.js';
import { readMbox } from './mbox.js';
import type { Item, Source } from './source.js';

export interface MailSource extends Place {
  readonly type: 'mail';
  /** Folder in it that holds the labelled folders. */
  readonly folder: string;
  /** The label of each folder's or file's mails; null for unlabelled. */
  readonly labels: Readonly<Record<string, string | null>>;
  /** Parts of a mail to keep apart as well. */
  readonly fields: readonly ('subject' | 'body')[];
  /** The part that the rest is to be answered with: the text is then the body alone. */
  readonly response?: 'subject';
}

const KEYS: readonly string[] = ['author', 'thread', 'date', 'folder'] satisfies (MailKey | 'folder')[];

/** Folders of mails, one message a file, and mbox files. Files named `*.json` or `.*` are passed over. */
export const mail: Source<MailSource> = {
  type: 'mail',
  async *read(options, report, keys) {
    const strange = keys.find((key) => !KEYS.includes(key));
    if (strange !== undefined) {
      const hint = `It has ${KEYS.join(', ')}.`;
      throw new StepFailure('no-field', `a mail has no field "${strange}"`, hint, '/split');
    }
    const files = await listMails(options, report);
    // The parser waits for blobs all the time: while one mail waits, others are parsed.
    const ahead: Promise<Item>[] = [];
    const rest = messages(files);
    let done = 0;
    const fill = async (): Promise<void> => {
      while (ahead.length < AHEAD) {
        const { value } = await rest.next();
        if (value === undefined) return;
        ahead.push(readMail(value, options, keys));
      }
    };
    for (await fill(); ahead.length > 0; await fill()) {
      yield (await ahead.shift()) as Item;
      if (++done % 16 === 0) {
        const total = Math.max(files.length, done);
        await report.progress({ done, total, unit: 'mails', phase: 'parsing' });
      }
    }
  },
};

const AHEAD = 8;
/** Bytes of the largest mail in an mbox file that is read. */
const LARGEST = 32 * 2 ** 20;

/** One mail; `bytes` reads it. */
interface Message {
  readonly bytes: () => Promise<Buffer>;
  readonly where: string;
  readonly label: string | null;
  readonly folder: string;
}

async function* messages(files: readonly MailFile[]): AsyncGenerator<Message, undefined> {
  for (const { path, where, label, folder } of files) {
    if (folder !== where || !(await isMbox(path))) {
      yield { bytes: () => readFile(path), where, label, folder };
      continue;
    }
    for await (const { line, bytes } of readMbox(path, LARGEST)) {
      const read = async (): Promise<Buffer> => {
        if (bytes === undefined) throw new Error(`the mail is larger than ${LARGEST >> 20} MiB`);
        return bytes;
      };
      yield { bytes: read, where: `${where}:${line}`, label, folder };
    }
  }
  return undefined;
}

/** Whether a file that the recipe names itself holds several mails. */
async function isMbox(path: string): Promise<boolean> {
  for await (const { line } of readMbox(path, 0)) return line === 1;
  return false;
}

/** Never rejects: what cannot be read is an item too. */
async function readMail(
  { bytes, where, label, folder }: Message,
  { fields, response }: MailSource,
  keys: readonly string[],
): Promise<Item> {
  try {
    const mail = await readMailText(await bytes());
    const known =
      response === undefined ? { text: mail.text, label } : { text: mail.body, label, responses: [mail.subject] };
    const said: Readonly<Record<string, string | undefined>> = { ...mail.keys, folder };
    return {
      ...known,
      ...(fields.length > 0 && { fields: Object.fromEntries(fields.map((name) => [name, mail[name]])) }),
      // A mail that does not say is alone in its group.
      ...(keys.length > 0 && { keys: Object.fromEntries(keys.map((key) => [key, said[key] ?? `none: ${where}`])) }),
    };
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error), where, label };
  }
}

interface MailFile {
  readonly path: string;
  /** For messages: relative to the source's folder. */
  readonly where: string;
  readonly label: string | null;
  /** As the recipe names it; the same as `where` if it names the file itself. */
  readonly folder: string;
}

/** Every mail, by folder and file name: neither the file system's order nor the recipe's matters. */
async function listMails(options: MailSource, report: { log(level: 'info', message: string): void }) {
  const root = within(folderOf(options, 'mail'), options.folder, 'no-mail');
  const present = await foldersIn(root, 'no-mail');
  const files: MailFile[] = [];
  const used = Object.entries(options.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, label] of used) {
    const folder = within(root, name, 'no-mail');
    if (!(await isFolder(folder))) {
      const found = await stat(folder).catch(() => undefined);
      if (!found?.isFile()) {
        throw new StepFailure('no-mail', `no folder "${name}" in ${root}`, `It has ${listOf(present)}.`);
      }
      files.push({ path: folder, where: name, label, folder: name });
      continue;
    }
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith('.json'))
      .map((entry) => entry.name)
      .sort();
    if (names.length === 0) throw new StepFailure('no-mail', `no mails in ${folder}`);
    for (const file of names) files.push({ path: join(folder, file), where: `${name}/${file}`, label, folder: name });
  }
  const others = present.filter((name) => !used.some(([key]) => normalize(key).split(/[\\/]/)[0] === name));
  if (others.length > 0) report.log('info', `folders without a label, left out: ${listOf(others)}`);
  return files;
}
