import { createRunner } from '../dist/backend/runner.js';
import { tf } from '../dist/backend/tf.js';
import { median } from './numbers.js';

/**
 * A matrix product as a training step has it: a·b, each perhaps transposed, perhaps batched.
 *
 * @typedef {object} Product
 * @property {string} name
 * @property {number[]} a shape before transposition
 * @property {number[]} b
 * @property {boolean} [transposeA]
 * @property {boolean} [transposeB]
 * @property {number} flop
 * @property {number} times that a training step does it
 */

/** The shape that stands for what the machine can do. @type {Product} */
const LARGE = { name: '2048 × 1024 × 1024', a: [2048, 1024], b: [1024, 1024], flop: 2 * 2048 * 1024 * 1024, times: 1 };

/** A graph holds as many of one product as make this much work, so that the call itself weighs little. */
const WORK = 4e8;
const REPEATS = 5;

/**
 * All matrix products of one training step but the head's few rows. A linear layer has three of equal work (forward,
 * gradient of its input, gradient of its weight), attention two forward and four backward.
 *
 * @param {import('./cases.js').Case} c
 * @returns {Product[]}
 */
export function products({ config, fit, stage, batch, length }) {
  const tokens = batch * length;
  const { hidden, intermediate, layers, heads } = config;
  const linear = (inputs, outputs, times) => {
    const name = `${tokens} × ${inputs} × ${outputs}`;
    const flop = 2 * tokens * inputs * outputs;
    return [
      { name, a: [tokens, inputs], b: [outputs, inputs], transposeB: true, flop, times },
      { name: `${name}, d input`, a: [tokens, outputs], b: [outputs, inputs], flop, times },
      { name: `${name}, d weight`, a: [tokens, outputs], b: [tokens, inputs], transposeA: true, flop, times },
    ];
  };
  const n = batch * heads;
  const width = hidden / heads;
  const flop = 2 * n * length * length * width;
  const square = [n, length, length];
  const narrow = [n, length, width];
  const projections = projectionCount(stage, layers);
  // Where nothing reads the last layer's hidden states but the classifier, it computes the first token alone: keys and
  // values are all that is left of its products.
  const whole = readsLast(stage, layers) ? layers : layers - 1;
  return [
    ...linear(hidden, hidden, 4 * whole + 2 * (layers - whole)),
    ...linear(hidden, intermediate, whole),
    ...linear(intermediate, hidden, whole),
    ...(projections > 0 ? linear(hidden, fit.teacherHidden, projections) : []),
    {
      name: `${n} of ${length} × ${width} × ${length}`,
      a: narrow,
      b: narrow,
      transposeB: true,
      flop,
      times: 2 * whole,
    },
    { name: `${n} of ${length} × ${length} × ${width}`, a: square, b: narrow, flop, times: 2 * whole },
    {
      name: `${n} of ${length}ᵀ × ${length} × ${width}`,
      a: square,
      b: narrow,
      transposeA: true,
      flop,
      times: 2 * whole,
    },
  ];
}

/** Whether a stage reads the student's last hidden state or attention scores of all tokens. */
function readsLast({ objectives }, layers) {
  const last = (map) => ['uniform', 'last'].includes(map.type) || map.some(([student]) => student === layers);
  return objectives.some((o) => o.layer_map !== undefined && last(o.layer_map));
}

/** How many hidden states of the student a stage projects to the teacher's width. */
export function projectionCount({ objectives }, layers) {
  const pairs = (map) => (map.type === 'uniform' ? layers + 1 : map.type === 'last' ? 1 : map.length);
  return objectives.filter((o) => o.type === 'hidden-states').reduce((sum, o) => sum + pairs(o.layer_map), 0);
}

/** Measures products on ONNX Runtime, weights as inputs, as in training. */
export class MatmulBench {
  /** @param {Product[]} products @param {number} threads */
  constructor(products, threads) {
    this.entries = [LARGE, ...products].map((product) => ({ product, threads, ...feedsOf(product) }));
  }

  /** @returns {Promise<{large: number, step: number}>} ms of the large product, and of a step's products together */
  async measure() {
    const [large, ...own] = await this.times();
    return { large, step: own.reduce((sum, ms, i) => sum + ms * this.entries[i + 1].product.times, 0) };
  }

  /** ms of each product, the large one first. */
  async times() {
    const times = [];
    for (const entry of this.entries) {
      // One runner each: a runner keeps but a few compiled graphs.
      entry.runner ??= await createRunner('onnx', entry.threads);
      const taken = [];
      for (let i = 0; i < REPEATS + 1; i++) {
        const start = performance.now();
        await entry.runner.forward(entry.fn, {}, entry.feeds);
        taken.push((performance.now() - start) / entry.copies);
      }
      times.push(median(taken.slice(1)));
    }
    return times;
  }
}

/** The gigaflop a second of the large product that took so long. */
export const largeRate = (ms) => LARGE.flop / ms / 1e6;

function feedsOf(product) {
  const copies = Math.min(16, Math.max(1, Math.round(WORK / product.flop)));
  const filled = (shape) => {
    const data = new Float32Array(shape.reduce((x, y) => x * y, 1));
    for (let i = 0; i < data.length; i++) data[i] = ((i * 7919) % 1013) / 1013 - 0.5;
    return { dtype: 'float32', shape, data };
  };
  const feeds = { a: filled(product.a) };
  for (let i = 0; i < copies; i++) feeds[`b${i}`] = filled(product.b);
  const call = (_, { a, ...others }) => {
    // One number of each product is read: handing out the whole would time a copy too.
    const corners = Object.values(others).map((b) => {
      const y = tf.matMul(a, b, product.transposeA, product.transposeB);
      return tf.slice(y, Array(y.rank).fill(0), Array(y.rank).fill(1));
    });
    return { y: tf.addN(corners) };
  };
  return { copies, feeds, fn: { key: product.name, call } };
}
