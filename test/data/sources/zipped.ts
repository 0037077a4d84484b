import { crc32, deflateRawSync } from 'node:zlib';

/** What is wrong, or odd, about a file of an archive. */
export interface Odd {
  /** Bit 0: it is encrypted. */
  readonly flags?: number;
  /** 8: deflate; 0: as it is. */
  readonly method?: number;
  readonly size?: number;
  readonly sum?: number;
  /** As Unix has them. */
  readonly mode?: number;
  /** Bytes of its name. */
  readonly name?: string;
}

/** A ZIP archive (APPNOTE.TXT 4.3) of some files, as no sound program would write it if it is told so. */
export function zipped(files: Readonly<Record<string, string | Uint8Array>>, odd: Record<string, Odd> = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [key, content] of Object.entries(files)) {
    const bytes = Buffer.from(content as Uint8Array);
    const {
      flags = 0,
      method = 8,
      size = bytes.length,
      sum = crc32(bytes),
      mode = 0o100644,
      name = key,
    } = odd[key] ?? {};
    const data = method === 8 ? deflateRawSync(bytes) : bytes;
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags | 0x800, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(sum, 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(title.length, 22);
    parts.push(Buffer.from('PK\x03\x04'), common, title, data);
    const more = Buffer.alloc(14);
    more.writeUInt32LE((mode << 16) >>> 0, 6);
    more.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, more, title);
    at += 30 + title.length + data.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(files).length, 4);
  end.writeUInt16LE(Object.keys(files).length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06'), end]);
}
