import { expect, it } from 'vitest';
import { badOnes, files, goodOnes, readAll } from './reading.js';

const message = (subject: string, body: string, ...headers: string[]): string =>
  `From ann@example.org Thu Aug 22 13:17:22 2002\n${[...headers, `Subject: ${subject}`].join('\n')}\n\n${body}\n\n`;

it('reads mbox files and single mails that the recipe names, beside folders of mails', async () => {
  const path = await files({
    'inbox.mbox':
      message('One', 'a\n>From here on\nFrom the start is no new mail') +
      message('Two', 'b').replaceAll('\n', '\r\n') +
      message('Three', 'c'),
    'note.eml': 'Subject: Four\n\nd\n',
    'spam/1': message('Five', 'e'),
  });
  const labels = { 'inbox.mbox': 'ham', 'note.eml': 'ham', spam: 'spam' };
  const items = goodOnes(await readAll({ type: 'mail', path, labels }));
  expect(items.map(({ text, label }) => [text, label])).toEqual([
    ['One\na\nFrom here on\nFrom the start is no new mail', 'ham'],
    ['Two\nb', 'ham'],
    ['Three\nc', 'ham'],
    ['Four\nd', 'ham'],
    ['Five\ne', 'spam'],
  ]);
});

it('says who wrote a mail, when, and in which thread', async () => {
  const path = await files({
    'inbox.mbox':
      message('A', 'a', 'From: Ann <Ann@example.org>', 'Date: Thu, 22 Aug 2002 13:17:22 +0200', 'Message-ID: <1@x>') +
      message('Re: A', 'b', 'From: bob@example.org', 'References: <1@x> <2@x>', 'In-Reply-To: <2@x>') +
      message('C', 'c'),
  });
  const labels = { 'inbox.mbox': null };
  const items = goodOnes(await readAll({ type: 'mail', path, labels }, ['author', 'thread', 'date', 'folder']));
  expect(items.map(({ keys }) => keys)).toEqual([
    { author: 'ann@example.org', thread: '<1@x>', date: '2002-08-22T11:17:22.000Z', folder: 'inbox.mbox' },
    { author: 'bob@example.org', thread: '<1@x>', date: 'none: inbox.mbox:9', folder: 'inbox.mbox' },
    { author: 'none: inbox.mbox:17', thread: 'none: inbox.mbox:17', date: 'none: inbox.mbox:17', folder: 'inbox.mbox' },
  ]);
});

it('leaves out a mail of an mbox file that is too large, by its line', async () => {
  const path = await files({ 'inbox.mbox': message('A', 'x'.repeat(33 * 2 ** 20)) + message('B', 'b') });
  const items = await readAll({ type: 'mail', path, labels: { 'inbox.mbox': 'x' } });
  expect(badOnes(items)).toEqual(['inbox.mbox:1: the mail is larger than 32 MiB']);
  expect(goodOnes(items)).toHaveLength(1);
});
