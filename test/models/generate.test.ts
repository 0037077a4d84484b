import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createRunner } from '../../src/backend/runner.js';
import { type Choose, Generator, greedy } from '../../src/models/generate.js';
import { Random } from '../../src/util/random.js';
import { randomParameters, tinyConfig } from '../train/rig.js';

/** What was made, and all the logits that it was chosen from. */
interface Made {
  readonly tokens: number[];
  readonly logits: Float32Array[];
}

describe.each(['gpt2', 'llama', 'qwen3'])('%s', async (type) => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  const config = tinyConfig(150, {
    type,
    hidden: 48,
    heads: 4,
    kvHeads: type === 'gpt2' ? 4 : 2,
    intermediate: 100,
    maxLength: 300,
    head: 'language-model',
    labels: 0,
  });
  const parameters = randomParameters(config);
  const random = new Random(8, 'prompts');
  const prompts = Array.from({ length: 19 }, (_, i) => ({
    ids: Int32Array.from({ length: 1 + random.below(i === 3 ? 140 : 40) }, () => random.below(150)),
    most: 3 + random.below(i === 5 ? 200 : 25),
  }));

  async function write(generator: Generator, i: number, pause = 0): Promise<Made> {
    const { ids, most } = prompts[i] as (typeof prompts)[number];
    const made: Made = { tokens: [], logits: [] };
    const choose: Choose = (logits) => {
      made.logits.push(logits.slice());
      return greedy(logits);
    };
    for await (const token of generator.generate(ids, most, choose)) {
      made.tokens.push(token);
      for (let k = 0; k < pause; k++) await turn();
    }
    return made;
  }

  it('writes the same, to the bit, alone and together with others that come and go', async () => {
    const alone: Made[] = [];
    for (let i = 0; i < prompts.length; i++)
      alone.push(await write(new Generator(config, parameters, runner, true), i));
    const generator = new Generator(config, parameters, runner, true);
    // Some read slowly, so that others are continued without them.
    const together = await Promise.all(prompts.map((_, i) => write(generator, i, i % 4)));
    for (const [i, { tokens, logits }] of together.entries()) {
      expect(tokens, `prompt ${i}`).toEqual(alone[i]?.tokens);
      for (const [k, own] of logits.entries()) expect(own, `prompt ${i}, token ${k}`).toEqual(alone[i]?.logits[k]);
    }
  });

  it('goes on with the others when one is given up', async () => {
    const generator = new Generator(config, parameters, runner);
    const expected = await write(new Generator(config, parameters, runner), 0);
    const given = (async () => {
      for await (const _ of generator.generate(Int32Array.of(1, 2), 100, greedy)) return;
    })();
    const [made] = await Promise.all([write(generator, 0), given]);
    expect(made).toEqual(expected);
    await expect(
      (async () => {
        const fails: Choose = () => {
          throw new Error('unlucky');
        };
        for await (const _ of generator.generate(Int32Array.of(1, 2), 100, fails)) return;
      })(),
    ).rejects.toThrow('unlucky');
    expect(await write(generator, 0)).toEqual(expected);
  });
});
