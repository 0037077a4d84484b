import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadModel } from '../../src/serve/load.js';
import type { CallContext, Classified, Embedded } from '../../src/serve/protocol.js';
import { madeUpRows, makeCorpus, sharedFolder } from '../train/rig.js';
import { classifierFolder } from './rig.js';

it('says of a text what it says of it among others, to the bit, where it is to be reproducible', async () => {
  const folder = await sharedFolder();
  const model = await classifierFolder(join(folder, 'student'), await makeCorpus(folder, madeUpRows(60, 30)));
  const { operations } = await loadModel(model, 'onnx', 2, true);
  const texts = madeUpRows(45, 38).map(({ text }) => text);
  const context: CallContext = { signal: new AbortController().signal, piece: () => {} };
  const { classify, embed } = operations as Required<typeof operations>;
  const together = { labels: await classify(texts, context), vectors: await embed(texts, context) };
  for (const [i, text] of texts.entries()) {
    const [label] = (await classify([text], context)) as [Classified];
    const [vector] = (await embed([text], context)) as [Embedded];
    expect(label, text).toEqual(together.labels[i]);
    expect(vector, text).toEqual(together.vectors[i]);
  }
});
