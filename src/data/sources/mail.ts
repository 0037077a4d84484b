import { join, normalize } from 'node:path';
import { StepFailure } from '../../util/failure.js';
import { folderOf, listOf, type Place, within } from './folders.js';
import { type MailKey, readMailText } from './mail-text.js';
import { readMbox } from './mbox.js';
import type { Item, Reporter, Source } from './source.js';
import { openTree, type Tree } from './tree.js';

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

/** Folders of mails, one message a file, and mbox files; also in a ZIP archive. Files named `*.json` or `.*` are passed over. */
export const mail: Source<MailSource> = {
  type: 'mail',
  async *read(options, report, keys) {
    const strange = keys.find((key) => !KEYS.includes(key));
    if (strange !== undefined) {
      const hint = `It has ${KEYS.join(', ')}.`;
      throw new StepFailure('no-field', `a mail has no field "${strange}"`, hint, '/split');
    }
    const tree = await openTree(folderOf(options, 'mail'));
    try {
      yield* readTree(tree, options, report, keys);
    } finally {
      tree.close();
    }
  },
};

async function* readTree(
  tree: Tree,
  options: MailSource,
  report: Reporter,
  keys: readonly string[],
): AsyncGenerator<Item> {
  const files = await listMails(tree, options, report);
  // The parser waits for blobs all the time: while one mail waits, others are parsed.
  const ahead: Promise<Item | StepFailure>[] = [];
  const rest = messages(tree, files);
  let done = 0;
  const fill = async (): Promise<void> => {
    while (ahead.length < AHEAD) {
      const { value } = await rest.next();
      if (value === undefined) return;
      ahead.push(readMail(value, options, keys));
    }
  };
  for (await fill(); ahead.length > 0; await fill()) {
    const next = (await ahead.shift()) as Item | StepFailure;
    if (next instanceof StepFailure) throw next;
    yield next;
    if (++done % 16 === 0) {
      const total = Math.max(files.length, done);
      await report.progress({ done, total, unit: 'mails', phase: 'parsing' });
    }
  }
}

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

async function* messages(tree: Tree, files: readonly MailFile[]): AsyncGenerator<Message, undefined> {
  for (const { name, where, label, folder } of files) {
    // One that the recipe names itself may be packed, and hold several mails.
    if (folder !== where) {
      yield { bytes: () => tree.read(name), where, label, folder };
      continue;
    }
    if (!(await isMbox(tree, name))) {
      yield { bytes: () => wholeOf(tree, name), where, label, folder };
      continue;
    }
    for await (const { line, bytes } of readMbox((await tree.open(name)).chunks, LARGEST)) {
      const read = async (): Promise<Buffer> => {
        if (bytes === undefined) throw new Error(`the mail is larger than ${LARGEST >> 20} MiB`);
        return bytes;
      };
      yield { bytes: read, where: `${where}:${line}`, label, folder };
    }
  }
  return undefined;
}

/** Whether a file holds several mails. */
async function isMbox(tree: Tree, name: string): Promise<boolean> {
  for await (const { line } of readMbox((await tree.open(name)).chunks, 0)) return line === 1;
  return false;
}

async function wholeOf(tree: Tree, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await tree.open(name)).chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Never rejects: what cannot be read is an item too, and what cannot be unpacked a failure. */
async function readMail(
  { bytes, where, label, folder }: Message,
  { fields, response }: MailSource,
  keys: readonly string[],
): Promise<Item | StepFailure> {
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
    if (error instanceof StepFailure) return error;
    return { unreadable: error instanceof Error ? error.message : String(error), where, label };
  }
}

interface MailFile {
  /** In the tree. */
  readonly name: string;
  /** For messages: relative to the source's folder. */
  readonly where: string;
  readonly label: string | null;
  /** As the recipe names it; the same as `where` if it names the file itself. */
  readonly folder: string;
}

/** Every mail, by folder and file name: neither the file system's order nor the recipe's matters. */
async function listMails(
  tree: Tree,
  options: MailSource,
  report: { log(level: 'info', message: string): void },
): Promise<MailFile[]> {
  const root = within(tree.path, options.folder, 'no-mail');
  if (!(await tree.isFolder(options.folder))) throw new StepFailure('no-mail', `no folder ${root}`);
  const present = await tree.folders(options.folder);
  const files: MailFile[] = [];
  const used = Object.entries(options.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, label] of used) {
    const path = within(root, name, 'no-mail');
    const inside = join(options.folder, name);
    if (!(await tree.isFolder(inside))) {
      if (!(await tree.isFile(inside))) {
        throw new StepFailure('no-mail', `no folder "${name}" in ${root}`, `It has ${listOf(present)}.`);
      }
      files.push({ name: inside, where: name, label, folder: name });
      continue;
    }
    const names = (await tree.files(inside)).filter((file) => !file.endsWith('.json'));
    if (names.length === 0) throw new StepFailure('no-mail', `no mails in ${path}`);
    for (const file of names) files.push({ name: join(inside, file), where: `${name}/${file}`, label, folder: name });
  }
  const others = present.filter((name) => !used.some(([key]) => normalize(key).split(/[\\/]/)[0] === name));
  if (others.length > 0) report.log('info', `folders without a label, left out: ${listOf(others)}`);
  return files;
}
