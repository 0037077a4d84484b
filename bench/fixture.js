import { bert } from '../dist/models/bert.js';
import { initialize } from '../dist/models/initialize.js';
import { DropoutMasks } from '../dist/train/dropout.js';
import { teacherFeeds } from '../dist/train/examples.js';
import { dropoutFeeds } from '../dist/train/feeds.js';
import { Optimizer } from '../dist/train/optimizer.js';
import { adamw } from '../dist/train/optimizers/adamw.js';
import { buildStage } from '../dist/train/stage.js';
import { float16Bits } from '../dist/util/float16.js';
import { Random, streamKey } from '../dist/util/random.js';

const TEACHER = teacherFeeds(0);

const SEED = 1;
/** BERT's. */
const CLIP_NORM = 1;
const count = (shape) => shape.reduce((a, b) => a * b, 1);

/**
 * What a training loop would have at hand for one step of a case: equal bytes in every process.
 *
 * @param {import('./cases.js').Case} c
 */
export function fixture(c) {
  const stage = buildStage(c.config, c.stage, c.fit ? [c.fit] : [], c.id);
  const specs = { ...bert.parameters(c.config), ...stage.specs };
  const optimizer = new Optimizer(initialize(specs, SEED), specs, adamw(c.weightDecay), CLIP_NORM);
  return { stage, optimizer, rate: c.stage.learning_rate, batch: batchOf(c, stage) };
}

/** Random token ids, labels, teacher signal and dropout masks; every row real, every token real. */
function batchOf({ config, fit, batch, length }, stage) {
  const random = new Random(SEED, 'batch');
  const labels = new Float32Array(batch * config.labels);
  for (let row = 0; row < batch; row++) labels[row * config.labels + random.below(config.labels)] = 1;
  const ones = (...shape) => ({ dtype: 'float32', shape, data: new Float32Array(count(shape)).fill(1) });
  const half = (...shape) => {
    const data = float16Bits(Float32Array.from({ length: count(shape) }, () => random.normal()));
    return { dtype: 'float16', shape, data };
  };
  const feeds = {
    ids: {
      dtype: 'int32',
      shape: [batch, length],
      data: Int32Array.from({ length: batch * length }, () => random.below(config.vocabulary)),
    },
    mask: ones(batch, length),
    rows: ones(batch),
    labels: { dtype: 'float32', shape: [batch, config.labels], data: labels },
  };
  const [wanted] = stage.wanted;
  if (wanted.logits) feeds[TEACHER.logits] = half(batch, config.labels);
  for (const layer of wanted.hiddenStates) feeds[TEACHER.hidden(layer)] = half(batch, length, fit.teacherHidden);
  for (const layer of wanted.attention) {
    feeds[TEACHER.attention(layer)] = half(batch, fit.teacherHeads, length, length);
  }
  const masks = new DropoutMasks().fill(stage.dropout(batch, length), streamKey(SEED, 'dropout'), 0);
  return { ...feeds, ...dropoutFeeds(masks), ...stage.numbers(0) };
}
