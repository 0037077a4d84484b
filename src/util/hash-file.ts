import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const BLOCK = 1 << 20;

/** Reads a file once, block by block; with `sync` its bytes also reach the disk. */
export async function hashFile(path: string, sync = false): Promise<{ bytes: number; sha256: string }> {
  // Windows syncs only what is open for writing.
  const handle = await open(path, sync && process.platform === 'win32' ? 'r+' : 'r');
  try {
    const hash = createHash('sha256');
    let [block, other] = [Buffer.allocUnsafe(BLOCK), Buffer.allocUnsafe(BLOCK)];
    let bytes = 0;
    let reading = handle.read(block, 0, BLOCK, bytes);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) break;
      bytes += bytesRead;
      // The next block is read while this one is hashed.
      reading = handle.read(other, 0, BLOCK, bytes);
      hash.update(block.subarray(0, bytesRead));
      [block, other] = [other, block];
    }
    if (sync) await handle.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
