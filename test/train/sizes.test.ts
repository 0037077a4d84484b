import { afterAll, describe, expect, it } from 'vitest';
import { dissect } from '../../src/backend/generalize.js';
import { recordFunction } from '../../src/backend/recorded-runner.js';
import { createRunner, type HostTensors, type Runner, type TensorFunction } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import type { Wanted } from '../../src/data/logits.js';
import type { Fit } from '../../src/methods/objective.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { encode, forward } from '../../src/models/forward.js';
import { initialize } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import type { Stage } from '../../src/options/train.js';
import { DropoutMasks } from '../../src/train/dropout.js';
import { teacherFeeds } from '../../src/train/examples.js';
import { dropoutFeeds } from '../../src/train/feeds.js';
import { type Stage as Built, buildStage } from '../../src/train/stage.js';
import { float16Bits } from '../../src/util/float16.js';
import { Random, streamKey } from '../../src/util/random.js';
import { floats, ints } from '../backend/rig.js';
import { objectivesOf, randomParameters, tinyConfig } from './rig.js';

const TEACHER = teacherFeeds(0);

/** Which of our functions one compiled graph serves at all sizes, and that it computes the same bits as one made for them. */

const VOCABULARY = 50;
const TYPES = ['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama', 'qwen2', 'qwen3'];
/** [texts, tokens], some of them equal to each other, to the 2 heads, 4 wide, or to all positions. */
const SHAPES = [
  [9, 17],
  [8, 40],
  [16, 2],
  [40, 4],
] as const;
type Size = readonly [number, number];

const configOf = (type: string): TransformerConfig => tinyConfig(VOCABULARY, { type, kvHeads: 1 });

const fit: Fit = {
  layers: { student: 2, teacher: 4 },
  studentHidden: 8,
  teacherHidden: 12,
  studentHeads: 2,
  teacherHeads: 2,
  studentValues: { heads: 2, width: 4 },
  teacherValues: { heads: 2, width: 6 },
};

const objectives: Record<string, Stage['objectives']> = {
  'hard labels': objectivesOf('hard-label'),
  'soft labels': objectivesOf({ type: 'soft-label', temperature: 2 }),
  'other divergences': objectivesOf(
    { type: 'soft-label', divergence: 'jensen-shannon' },
    { type: 'soft-label', divergence: 'mse' },
  ),
  'hidden states': objectivesOf('hidden-states'),
  'directions of hidden states': objectivesOf({ type: 'hidden-states', distance: 'cosine', layer_map: 'combined' }),
  attention: objectivesOf('attention'),
  embeddings: objectivesOf('embeddings'),
  'relations of values': objectivesOf({ type: 'value-relation', relation_heads: 4, layer_map: 'combined' }),
  contrasts: objectivesOf('contrastive', { type: 'contrastive', pooling: 'mean' }),
  'attention probabilities': objectivesOf({ type: 'attention', of: 'probabilities', distance: 'kl' }),
};
const together = ['hard labels', 'soft labels', 'hidden states', 'attention'];
objectives['all objectives'] = together.flatMap((name) => objectives[name] ?? []) as Stage['objectives'];

/** Texts of random lengths, the first as long as the batch. */
function tokens([rows, length]: Size): HostTensors {
  const random = new Random(3, `lengths ${rows} ${length}`);
  const texts = Array.from(
    { length: rows },
    (_, i) => ints(`text ${i}`, [i === 0 ? length : 1 + random.below(length)], VOCABULARY).data,
  );
  return padTokens(texts, rows, length, 0);
}

function trainingFeeds(stage: Built, config: TransformerConfig, size: Size): HostTensors {
  const [rows, length] = size;
  const half = (name: string, shape: number[]) => ({
    ...floats(name, shape),
    dtype: 'float16' as const,
    data: float16Bits(floats(name, shape).data),
  });
  const { logits, hiddenStates, attention, values = [] } = stage.wanted[0] as Wanted;
  return {
    ...tokens(size),
    rows: floats('rows', [rows], 1, 1),
    labels: floats('labels', [rows, config.labels], 0, 1),
    ...(logits && { [TEACHER.logits]: half('logits', [rows, config.labels]) }),
    ...Object.fromEntries(hiddenStates.map((l) => [TEACHER.hidden(l), half(`hidden ${l}`, [rows, length, 12])])),
    ...Object.fromEntries(
      attention.map((l) => [TEACHER.attention(l), half(`attention ${l}`, [rows, 2, length, length])]),
    ),
    ...Object.fromEntries(values.map((l) => [TEACHER.values(l), half(`values ${l}`, [rows, length, 12])])),
    ...stage.numbers(0),
    ...dropoutFeeds(new DropoutMasks().fill(stage.dropout(rows, length), streamKey(1, 'sizes'), length)),
  };
}

const answers = (config: TransformerConfig): TensorFunction => ({
  key: `answers ${config.type}`,
  call: (p, b) => {
    const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'pooled' as const };
    return { logits: forward(config, p, input).logits };
  },
});

/** All that a teacher can be asked for. */
const signal = (config: TransformerConfig): TensorFunction => ({
  key: `signal ${config.type}`,
  half: ['last', 'scores.0'],
  call: (p, b) => {
    const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' as const };
    const { hiddenStates, attentionScores, values, memory } = encode(config, p, input);
    return {
      last: hiddenStates.at(-1) as Tensor,
      ...Object.fromEntries(hiddenStates.map((t, i) => [`hidden.${i}`, t])),
      ...Object.fromEntries(attentionScores.map((scores, i) => [`scores.${i}`, scores()])),
      ...Object.fromEntries(values.map((t, i) => [`values.${i}`, t])),
      ...Object.fromEntries((memory ?? []).map(({ keys }, i) => [`keys.${i}`, keys])),
    };
  },
});

const skeletonsOf = (
  mode: 'forward' | 'gradients',
  fn: TensorFunction,
  parameters: HostTensors,
  feeds: (size: Size) => HostTensors,
): Set<string> =>
  new Set(SHAPES.map((size) => dissect(recordFunction(mode, fn, parameters, feeds(size)).recorded).skeleton));

/** All sizes have one skeleton, and its one session gives what one made for a size gives. */
async function checkSizes(
  general: Runner,
  mode: 'forward' | 'gradients',
  fn: TensorFunction,
  parameters: HostTensors,
  feeds: (size: Size) => HostTensors,
): Promise<void> {
  expect(skeletonsOf(mode, fn, parameters, feeds).size).toBe(1);
  await general.prepare(mode, fn, parameters, SHAPES.slice(0, 2).map(feeds));
  for (const size of [SHAPES[0], SHAPES[2]]) {
    const own = await createRunner('onnx', 1);
    expect(await general[mode](fn, parameters, feeds(size)), `${size}`).toEqual(
      await own[mode](fn, parameters, feeds(size)),
    );
    await own.release();
  }
}

describe('one compiled graph for all sizes', async () => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());

  describe.each(TYPES)('%s', (type) => {
    const config = configOf(type);
    const parameters = randomParameters(config);

    const stageOf = (name: string): Built => {
      const options = { objectives: objectives[name] as Stage['objectives'], learning_rate: 1, warmup: 0 };
      return buildStage(config, { ...options, schedule: 'linear', freeze: [] }, [fit], `${type} ${name}`);
    };

    it.each(Object.keys(objectives))('learns from %s', async (name) => {
      const stage = stageOf(name);
      const all = { ...parameters, ...initialize(stage.specs, 1) };
      const feeds = (size: Size) => trainingFeeds(stage, config, size);
      if (name in { 'hard labels': 0, 'all objectives': 0 }) {
        await checkSizes(runner, 'gradients', stage.fn, all, feeds);
      } else expect(skeletonsOf('gradients', stage.fn, all, feeds).size).toBe(1);
    });

    it('answers', () => checkSizes(runner, 'forward', answers(config), parameters, tokens));
    it('teaches', () => checkSizes(runner, 'forward', signal(config), parameters, tokens));
  });
});
