import { mkdir, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rowId } from '../../src/data/dataset.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import { checkRoom } from '../../src/teachers/room.js';
import { freeBytes } from '../../src/util/free-bytes.js';
import { temporaryFolder } from '../steps/context.js';
import { capture, LABELS, makeCorpus, randomParameters, sharedFolder, tinyConfig } from '../train/rig.js';

describe('room on the disk', async () => {
  const folder = await sharedFolder();

  it('is asked for before a teacher is asked', async () => {
    const { bavail, bsize } = await statfs(folder);
    // One text's attention scores: 64 heads · 4096² · 12 layers · 2 bytes.
    const each = 64 * 4096 ** 2 * 12 * 2;
    const rows = Array.from({ length: Math.ceil((bavail * bsize) / each) + 1 }, (_, i) => {
      const text = `${i} ${'lunch '.repeat(5000)}`;
      return { id: rowId(text), text, label: 'ham' };
    });
    const corpus = await makeCorpus(folder, rows);
    const model = join(folder, 'model');
    await mkdir(model);
    const shape = { layers: 12, hidden: 64, heads: 64, maxLength: 4096 };
    const config = tinyConfig(corpus.tokenizer.vocabularySize, shape);
    const parameters = randomParameters(config);
    await saveTransformer(model, { config, labels: LABELS, parameters }, corpus.tokenizerFolder, {
      rows: 0,
      labelled: 0,
    });
    const attention = Array.from({ length: 12 }, (_, i) => i + 1);
    const root = join(folder, 'run');
    await expect(capture(root, corpus, model, { attention, max_bytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject(
      {
        reason: 'disk-full',
        message: expect.stringMatching(
          new RegExp(
            `^the cache of ${rows.length} texts takes [\\d.]+ [MGkB]+, and the disk has [\\d.]+ [MGkB]+ left$`,
          ),
        ),
      },
    );
    expect(await readdir(join(root, 'outputs', 'logits'))).toEqual([]);
  });

  it('is enough up to the last byte', async () => {
    const place = await temporaryFolder();
    const { bavail, bsize } = await statfs(place);
    // Others write to the disk meanwhile.
    const free = await freeBytes(place);
    expect(free).toBeGreaterThan(0.9 * bavail * bsize);
    expect(free).toBeLessThan(1.1 * bavail * bsize);
    checkRoom(free, 1, 0);
    checkRoom(free, 1, free);
    expect(() => checkRoom(free, 7, free + 1)).toThrow('the cache of 7 texts takes');
  });
});
