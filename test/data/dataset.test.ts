import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Row, readDataset, rowId, writeDataset } from '../../src/data/dataset.js';
import { digests, temporaryFolder } from '../steps/context.js';

const texts = ['plain', 'zwei\nZeilen "quoted" \\ and 😀', 'unlabelled \u2028'];
const rows: Row[] = texts.map((text, i) => ({ id: rowId(text), text, label: i < 2 ? 'ham' : null }));

describe('dataset', () => {
  it('gives back what was written, in the same bytes each time', async () => {
    const [a, b] = [await temporaryFolder(), await temporaryFolder()];
    await writeDataset(a, ['ham', 'spam'], rows);
    await writeDataset(b, ['ham', 'spam'], rows);
    expect(await readDataset(a)).toEqual({
      info: { labels: ['ham', 'spam'], rows: 3, labelled: 2 },
      rows,
    });
    expect(await digests(a)).toEqual(await digests(b));
  });

  it('holds no rows at all', async () => {
    const folder = await temporaryFolder();
    await writeDataset(folder, [], []);
    expect((await readDataset(folder)).rows).toEqual([]);
  });

  it('names what is wrong and where', async () => {
    const folder = await temporaryFolder();
    const broken = async (change: (lines: string[]) => void): Promise<string> => {
      await writeDataset(folder, ['ham'], rows);
      const file = join(folder, 'rows.jsonl');
      const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
      change(lines);
      await writeFile(file, lines.map((line) => `${line}\n`).join(''));
      return readDataset(folder).then(
        () => 'fine',
        (error: Error) => `${error.name}: ${error.message.replaceAll(folder, 'DATA')}`,
      );
    };
    const nothing = await broken(() => {});
    expect(nothing).toBe('fine');
    expect(await broken((lines) => lines.pop())).toBe(
      'StepFailure: DATA/rows.jsonl: not a dataset: 2 rows, but dataset.json says 3',
    );
    const shape = 'StepFailure: DATA/rows.jsonl:2: not a dataset: expected {"id", "text", "label"}';
    expect(await broken((lines) => lines.splice(1, 1, '{"id": "x", "text": 1, "label": null}'))).toBe(shape);
    expect(await broken((lines) => lines.splice(1, 1, 'x'))).toBe(shape);
    expect(await broken((lines) => lines.splice(0, 1, '{"id": "x", "text": "", "label": "eggs"}'))).toBe(
      'StepFailure: DATA/rows.jsonl:1: not a dataset: the label "eggs" is not in dataset.json',
    );
    await writeFile(join(folder, 'dataset.json'), '{"rows": 3}');
    await expect(readDataset(folder)).rejects.toThrow(
      'dataset.json: not a dataset: expected {"labels", "rows", "labelled"}',
    );
  });
});
