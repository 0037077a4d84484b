import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, rowId, writeDataset } from '../../src/data/dataset.js';
import { trainTokenizer } from '../../src/steps/train-tokenizer.js';
import { Random } from '../../src/util/random.js';
import { runStep } from '../steps/context.js';

/** Texts that say a few things, and are to be answered with the first of them. */
export function rowsToAnswer(count: number): Row[] {
  const random = new Random(5, 'writing');
  const things = ['red lamp', 'blue cup', 'old chair', 'green door'];
  return Array.from({ length: count }, (_, i) => {
    const [first, second] = random.shuffle(things) as [string, string];
    const text = `the ${first} and the ${second} number ${i}`;
    return { id: rowId(text, { kind: 'note' }), text, label: null, fields: { kind: 'note' }, responses: [first] };
  });
}

/** A dataset and a byte-level tokenizer trained on it, in a folder. */
export async function makeWriting(root: string, rows: readonly Row[]) {
  const data = join(root, 'data');
  await mkdir(data, { recursive: true });
  await writeDataset(data, [], rows);
  const inputs = { data: { kind: 'dataset', path: data } };
  const options = { type: 'byte-bpe', vocabulary: 300 };
  const { outputs } = await runStep(trainTokenizer, { options, inputs, root: join(root, 'tokenizer') });
  return { data, tokenizer: outputs.tokenizer as string };
}
