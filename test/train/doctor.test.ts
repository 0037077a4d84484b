import { beforeAll, describe, expect, it } from 'vitest';
import { train } from '../../src/steps/train.js';
import { complaints, examined } from '../../src/train/doctor.js';
import { runStep } from '../steps/context.js';
import { type Corpus, madeUpRows, makeCorpus, makeTeacher, sharedFolder } from './rig.js';

describe('the loss doctor', async () => {
  const folder = await sharedFolder();
  let corpus: Corpus;
  let teacher: string;
  beforeAll(async () => {
    corpus = await makeCorpus(folder, madeUpRows(40, 20));
    teacher = await makeTeacher(folder, corpus);
  });
  const run = (weight: number, updates = 1) =>
    runStep(train, {
      options: {
        model: { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40, dropout: 0.1 },
        batch_size: 8,
        stages: [{ objectives: [{ type: 'soft-label', weight }, 'hard-label'], updates, learning_rate: 1e-6 }],
      },
      inputs: {
        data: { kind: 'dataset', path: corpus.data },
        tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
        teacher: { kind: 'model', path: teacher },
      },
    });

  it('warns of an objective whose gradient is a hundred times longer than the others', async () => {
    const { logs } = await run(1000);
    expect(logs).toMatchObject([
      {
        level: 'warning',
        message: expect.stringMatching(
          /^stage 1, update 1: objective "soft-label" moves the model \d+ times more than any other \(norms of the gradients: soft-label \S+, hard-label \S+\): look at the weights$/,
        ),
      },
    ]);
    expect((await run(1)).logs).toEqual([]);
    // Its weight counts, and it is asked in the tenth update again.
    expect((await run(1000, 11)).logs.map(({ message }) => /update \d+/.exec(message)?.[0])).toEqual([
      'update 1',
      'update 10',
    ]);
  });

  it('changes nothing', async () => {
    const losses = async (objectives: (string | { type: string; weight: number })[]) => {
      const { progress } = await runStep(train, {
        options: {
          model: { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 40, dropout: 0.1 },
          batch_size: 8,
          stages: [{ objectives, updates: 4, learning_rate: 0.01 }],
        },
        inputs: {
          data: { kind: 'dataset', path: corpus.data },
          tokenizer: { kind: 'tokenizer', path: corpus.tokenizerFolder },
        },
      });
      return progress.map(({ loss }) => loss);
    };
    // One objective alone is not examined, two halves of it are.
    const halves = await losses([
      { type: 'hard-label', weight: 0.5 },
      { type: 'hard-label', weight: 0.5 },
    ]);
    (await losses(['hard-label'])).forEach((loss, i) => {
      expect(halves[i]).toBeCloseTo(loss as number, 5);
    });
  });

  it('compares each with all others', () => {
    expect(complaints([1, 2, 50], ['a', 'b', 'c'])).toEqual([]);
    expect(complaints([1, 2, 500], ['a', 'b', 'c'])).toEqual([
      'objective "c" moves the model 250 times more than any other (norms of the gradients: a 1.00, b 2.00, c 500): look at the weights',
    ]);
    expect(complaints([0.001, 1, 2], ['a', 'b', 'c'])).toMatchObject([expect.stringContaining('1000 times less')]);
    expect(complaints([0, 5], ['a', 'b'])).toEqual([]);
    expect(complaints([1, 500], ['a', 'b'])).toHaveLength(1);
    expect([1, 2, 9, 10, 199, 200, 400].filter(examined)).toEqual([1, 10, 200, 400]);
  });
});
