import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Reads a file once, block by block; with `sync` its bytes also reach the disk. */
export async function hashFile(path: string, sync = false): Promise<{ bytes: number; sha256: string }> {
  // Windows syncs only what is open for writing.
  const handle = await open(path, sync && process.platform === 'win32' ? 'r+' : 'r');
  try {
    const hash = createHash('sha256');
    const block = Buffer.allocUnsafe(1 << 20);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(block, 0, block.length, bytes);
      if (bytesRead === 0) break;
      hash.update(block.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    if (sync) await handle.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
