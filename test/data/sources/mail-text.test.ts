import { describe, expect, it } from 'vitest';
import { readMailText } from '../../../src/data/sources/mail-text.js';

/** A mail from its lines, one byte a character. */
const mail = async (...lines: string[]): Promise<string> =>
  (await readMailText(Buffer.from(lines.join('\n'), 'latin1'))).text;

describe('readMailText', () => {
  it('keeps subject and body, and no other header', async () => {
    const text = await mail(
      'From jane@example.org  Thu Aug 22 13:17:22 2002',
      'Received: from secret.example.org by mx.example.org',
      'From: Jane <jane@example.org>',
      'Subject: [ILUG]  Re:',
      '  Lunch',
      'X-Spam-Status: Yes, hits=9',
      '',
      "One   o'clock?\t",
      '',
      '',
      '',
      'J.',
    );
    expect(text).toBe("[ILUG] Re: Lunch\nOne o'clock?\n\nJ.");
  });

  it('decodes encoded words, quoted-printable and declared character sets', async () => {
    const text = await mail(
      'Subject: =?koi8-r?B?8NLJ18XU?=',
      'Content-Type: text/plain; charset=iso-8859-15',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Caf=E9 10 =A4, soft=',
      'ly',
    );
    expect(text).toBe('Привет\nCafé 10 €, softly');
  });

  it('takes the plain part of alternatives and leaves attachments out', async () => {
    const text = await mail(
      'Subject: Report',
      'Content-Type: multipart/mixed; boundary=outer',
      '',
      'preamble',
      '--outer',
      'Content-Type: multipart/alternative; boundary=inner',
      '',
      '--inner',
      'Content-Type: text/plain',
      '',
      'plain words',
      '--inner',
      'Content-Type: text/html',
      '',
      '<b>html words</b>',
      '--inner--',
      '--outer',
      'Content-Type: application/pdf; name=a.pdf',
      'Content-Disposition: attachment; filename=a.pdf',
      'Content-Transfer-Encoding: base64',
      '',
      'U0VDUkVU',
      '--outer--',
    );
    expect(text).toBe('Report\nplain words');
  });

  it('turns HTML into its words: no tags, styles, addresses, but alternative texts', async () => {
    const html =
      '<html><head><style>p {color: red}</style></head><body><h1>Hello</h1><p>Buy&nbsp;<a href="http://x.example/?id=7">here</a>' +
      '<img src="a.gif" alt="Big sale"></p><hr></body></html>';
    expect(await mail('Subject: S', 'Content-Type: text/html', '', html)).toBe('S\nHello\n\nBuy hereBig sale');
    expect(await mail('Subject: S', '', '', html)).toBe('S\nHello\n\nBuy hereBig sale');
  });

  it('uses the HTML where the plain part is blank', async () => {
    const text = await mail(
      'Subject: S',
      'Content-Type: multipart/alternative; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      ' ',
      '--b',
      'Content-Type: text/html',
      '',
      '<p>words</p>',
      '--b--',
    );
    expect(text).toBe('S\nwords');
  });

  it('reads 8-bit characters without a character set as windows-1252, headers in the one that is declared', async () => {
    expect(await mail('Subject: Gr\xfc\xdfe', '', 'the world\x92s')).toBe('Grüße\nthe world’s');
    expect(await mail('Subject: \xcf\xf0\xe8', 'Content-Type: text/plain; charset="windows-1251"', '', '\xcf')).toBe(
      'При\nП',
    );
    expect(await mail('Subject: \xb0\xa1', '', '<html><meta content="text/html; charset=euc-kr">\xb0\xa1</html>')).toBe(
      '가\n가',
    );
  });

  it('keeps the body of a mail whose boundary never comes, and of one without headers', async () => {
    const broken = await mail('Subject: S', 'Content-Type: multipart/mixed; boundary=b', '', '-- b', 'lost words');
    expect(broken).toBe('S');
    expect(await mail('', 'only words')).toBe('only words');
  });

  it('drops control characters and zero-width spaces', async () => {
    expect(await mail('Subject: A\u0007B', '', 'c\u0000d\u00ade')).toBe('AB\ncde');
  });
});
