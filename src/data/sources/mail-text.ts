import PostalMime, { type Email } from 'postal-mime';
import { htmlToText } from '../html.js';
import { normalizeText } from '../text.js';
import { mendCharset } from './charset.js';

/** A mail as its reader sees it. No other header is kept: they tell who sorted the mail. */
export interface MailText {
  /** The subject, a line end, and the body. */
  readonly text: string;
  readonly subject: string;
  /** HTML as its words; attachments left out. */
  readonly body: string;
  /** What mails are kept together or ordered by; undefined where a mail does not say. */
  readonly keys: Readonly<Record<MailKey, string | undefined>>;
}

/** The sender's address; the first message of its thread (RFC 5322 §3.6.4); when it was sent, as ISO 8601 has it. */
export type MailKey = 'author' | 'thread' | 'date';

/**
 * Reads one message.
 * @param mail its raw bytes; a leading mbox line ("From …") is passed over
 * @throws Error of the MIME parser (nested too deeply, headers beyond 2 MiB)
 */
export async function readMailText(mail: Buffer): Promise<MailText> {
  const isMbox = mail.subarray(0, 5).toString('latin1') === 'From ';
  const message = isMbox ? mail.subarray(mail.indexOf(10) + 1) : mail;
  const email = await PostalMime.parse(mendCharset(message));
  const subject = normalizeText(email.subject ?? '').replaceAll('\n', ' ');
  const body = normalizeText(bodyOf(email));
  return { text: normalizeText(`${subject}\n${body}`), subject, body, keys: keysOf(email) };
}

function keysOf({ from, references, inReplyTo, messageId, date }: Email): MailText['keys'] {
  const thread = [references, inReplyTo, messageId].find((ids) => ids !== undefined && ids.trim() !== '');
  return {
    author: from?.address?.toLowerCase(),
    thread: thread?.trim().split(/\s+/)[0],
    date: date === undefined || Number.isNaN(Date.parse(date)) ? undefined : date,
  };
}

function bodyOf(email: Email): string {
  const text = email.text ?? '';
  if (text.trim() !== '') return isHtml(text) ? htmlToText(text) : text;
  if (email.html !== undefined) return htmlToText(email.html);
  // Its only part is text of a kind that mail programs offer as a file, e.g. `text/enriched`.
  const part = email.attachments.find(({ mimeType }) => mimeType.startsWith('text/'));
  if (part === undefined) return '';
  const content = typeof part.content === 'string' ? part.content : new TextDecoder().decode(part.content);
  return isHtml(content) ? htmlToText(content) : content;
}

/** HTML sent as `text/plain`, or without a type: a habit of spam, and no reader wants to see the tags. */
function isHtml(text: string): boolean {
  return /^\s*<(?:!doctype\s+html|html|head|body)\b/i.test(text);
}
