import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepContext, StepDefinition } from '../../src/engine/step.js';
import { train } from '../../src/steps/train.js';
import type { JsonObject } from '../../src/util/json.js';
import { digests, makeContext, runStep, withDefaults } from '../steps/context.js';
import { sharedFolder } from './rig.js';
import { makeWriting, rowsToAnswer } from './writing.js';

const GPT2 = { type: 'gpt2', layers: 1, hidden: 24, heads: 2, max_length: 40, dropout: 0 };
const optionsWith = (objectives: (string | JsonObject)[], updates: number, more: JsonObject = {}): JsonObject => ({
  task: 'generation',
  prompt: '{{text}}:',
  model: GPT2,
  batch_size: 8,
  stages: [{ objectives, updates, learning_rate: 0.01, schedule: 'constant', ...more }],
});

describe('a student that writes what it learns from', async () => {
  const folder = await sharedFolder();
  let inputs: Record<string, { kind: string; path: string }>;
  beforeAll(async () => {
    const { data, tokenizer } = await makeWriting(folder, rowsToAnswer(32));
    inputs = { data: { kind: 'dataset', path: data }, tokenizer: { kind: 'tokenizer', path: tokenizer } };
    const made = await runStep(train, {
      options: optionsWith(['hard-label'], 60),
      inputs,
      root: join(folder, 'teacher'),
    });
    inputs = { ...inputs, teacher: { kind: 'model', path: made.outputs.model as string } };
  });
  const learn = (options: JsonObject) => runStep(train, { options, inputs });

  it.each([
    ['gkd', { type: 'gkd', beta: 1, student_share: 1, max_tokens: 6 }, 0.5],
    ['minillm', { type: 'minillm', max_tokens: 6 }, 0.75],
  ])('comes nearer to its teacher: %s', async (type, objective, left) => {
    // Judged by KL(student ‖ teacher) on its own texts, which gkd's loss is at beta 1.
    const judged = { type: 'gkd', beta: 1, student_share: 1, max_tokens: 6 };
    const stages = [
      // As in the papers, it has learnt to write before.
      { objectives: ['hard-label'], updates: 24, learning_rate: 0.01 },
      { objectives: [judged], updates: 2, learning_rate: 1e-9 },
      { objectives: [objective], updates: 50, learning_rate: 0.004 },
      { objectives: [judged], updates: 4, learning_rate: 1e-9 },
    ];
    const { progress } = await learn({ ...optionsWith([judged], 1), stages });
    const losses = progress.map(({ losses: own }) => own);
    const before = losses[25]?.gkd as number;
    const after = losses.at(-1)?.gkd as number;
    expect(losses[26]).toHaveProperty(type);
    expect(after).toBeLessThan(left * before);
  });

  it('takes turns with the data, where other objectives learn', async () => {
    const objectives = [{ type: 'minillm', student_share: 0.5, max_tokens: 4 }, 'hard-label'];
    const { progress } = await learn(optionsWith(objectives, 6));
    expect(progress).toHaveLength(6);
    expect(progress.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });

  it('stops when asked to, and goes on to the same bytes', async () => {
    const json = optionsWith([{ type: 'gkd', max_tokens: 4 }], 4, { learning_rate: 0.003 });
    const straight = await learn({ ...json, accumulate: 2 });
    const options = withDefaults('train', { ...json, accumulate: 2 });
    const root = join(folder, 'stopped');
    await mkdir(root);
    const stop = new AbortController();
    const { ctx } = await makeContext({ options, inputs, root, signal: stop.signal });
    let reports = 0;
    const progress: StepContext<never>['progress'] = async () => {
      if (++reports === 2) stop.abort();
    };
    const step = (train as StepDefinition<never>).run;
    await expect(step({ ...ctx, progress })).rejects.toThrow('abort');
    const last = await makeContext({ options, inputs, root });
    await step(last.ctx);
    expect(last.progress.map(({ done }) => done)).toEqual([3, 4]);
    expect(await digests(last.outputs.model as string)).toEqual(await digests(straight.outputs.model as string));
  });

  it('needs a teacher that can be asked', async () => {
    const { teacher: _, ...alone } = inputs;
    await expect(runStep(train, { options: optionsWith(['gkd'], 1), inputs: alone })).rejects.toThrow(
      'objective "gkd" learns from a teacher, and the input "teacher" is not given',
    );
  });
});
