import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';

/**
 * Mends mails that hold 8-bit characters and do not say in which character set, as many of their time do. Header
 * lines are read in the character set that the mail declares anywhere. The body is left to the MIME parser if a
 * MIME header declares its character set; if none does, it is read in the one its HTML declares, else as
 * windows-1252. What is valid UTF-8 is left alone.
 * @returns the mail, with what had to be mended in UTF-8
 */
export function mendCharset(mail: Buffer): Buffer {
  if (isUtf8(mail)) return mail;
  const latin1 = mail.toString('latin1');
  const gap = /\r?\n\r?\n/.exec(latin1);
  const end = gap === null ? mail.length : gap.index;
  const declared = /^content-type:(?:[^\n]|\n[ \t])*?charset\s*=\s*["']?([^"'\s;]+)/im.exec(latin1)?.[1];
  const decoder = decoderOf(declared ?? /charset\s*=\s*["']?([\w-]+)/i.exec(latin1)?.[1]);
  const head = mail.subarray(0, end);
  const body = mail.subarray(end);
  return Buffer.concat([
    isUtf8(head) ? head : Buffer.from(decoder.decode(head)),
    isUtf8(body) || declared !== undefined ? body : Buffer.from(decoder.decode(body)),
  ]);
}

function decoderOf(label: string | undefined): TextDecoder {
  try {
    const decoder = new TextDecoder(label ?? 'windows-1252');
    // A mail that is not UTF-8 says that it is: read it as what it most likely is.
    if (decoder.encoding !== 'utf-8' && !decoder.encoding.startsWith('utf-16')) return decoder;
  } catch {
    // A name that nobody knows.
  }
  return new TextDecoder('windows-1252');
}
