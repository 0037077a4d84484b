import { expect, test } from 'vitest';
import { flopsOf } from '../../src/design/latency.js';
import { configOf, countOf, type Frame, type Shape, specsOf } from '../../src/design/shape.js';
import { countParameters } from '../../src/models/checkpoint.js';
import { initialize } from '../../src/models/initialize.js';

const frame = (type: Frame['type'], head: Frame['head'] = 'classifier'): Frame => ({
  type,
  vocabulary: 50,
  padId: 0,
  head,
  labels: head === 'classifier' ? 3 : 0,
  maxLength: 16,
  dropout: 0.1,
});
const H = 24;
const I = 40;
const SHAPE: Shape = { layers: 3, hidden: H, heads: 4, kvHeads: 4, intermediate: I };
const L = 13;

/** Products of one layer of which `rows` of L tokens are computed; keys and values are `kv` of H wide. */
const layer = (rows: number, kv = H, maps = 2): number =>
  2 * rows * 2 * H * H + 2 * L * 2 * H * kv + 2 * 2 * rows * L * H + maps * 2 * rows * H * I;
/** Two whole layers and one that computes a token. */
const layers = (kv = H, maps = 2): number => 2 * layer(L, kv, maps) + layer(1, kv, maps);
const head = 2 * H * 3;

test.each([
  // The pooler, or what stands in its place.
  ['bert', SHAPE, layers() + 2 * H * H + head],
  ['distilbert', SHAPE, layers() + 2 * H * H + head],
  ['roberta', SHAPE, layers() + 2 * H * H + head],
  // Token embeddings are brought to the width of the hidden states.
  ['albert', SHAPE, layers() + 2 * L * H * H + 2 * H * H + head],
  // The last token's row is taken by a product, and so are its rotation's two tables in a Llama.
  ['gpt2', SHAPE, layers() + 2 * L * H + head],
  ['llama', SHAPE, layers(H, 3) + 2 * L * H + 2 * L * 6 + head],
  ['llama', { ...SHAPE, kvHeads: 2 }, layers(H / 2, 3) + 2 * L * H + 2 * L * 6 + head],
] as const)('floating-point operations of a %s classifier', (type, shape, expected) => {
  expect(flopsOf(configOf(frame(type), shape), L)).toBe(expected);
});

test('floating-point operations of the next token: the output embeddings', () => {
  const expected = layers() + 2 * L * H + 2 * H * 50;
  expect(flopsOf(configOf(frame('gpt2', 'language-model'), SHAPE), L)).toBe(expected);
});

test('floating-point operations of tags: all tokens of all layers, no pooler', () => {
  const tagger: Frame = { ...frame('bert'), head: 'token-classifier' };
  expect(flopsOf(configOf(tagger, SHAPE), L)).toBe(3 * layer(L) + L * head);
});

test.each(['bert', 'distilbert', 'roberta', 'albert', 'gpt2', 'llama'] as const)(
  'parameters of a %s are those of the model',
  (type) => {
    const specs = specsOf(configOf(frame(type), SHAPE));
    expect(countOf(specs)).toBe(countParameters(initialize(specs, 1)));
  },
);

test('parameters of BERT, by hand', () => {
  const linear = (inputs: number, outputs: number): number => inputs * outputs + outputs;
  const embeddings = (50 + 16 + 2) * H + 2 * H;
  const each = 4 * linear(H, H) + 2 * H + linear(H, I) + linear(I, H) + 2 * H;
  const expected = embeddings + 3 * each + linear(H, H) + linear(H, 3);
  expect(countOf(specsOf(configOf(frame('bert'), SHAPE)))).toBe(expected);
});
