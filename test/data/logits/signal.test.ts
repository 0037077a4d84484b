import { expect, test } from 'vitest';
import { cacheBytes, rowBytes, type Signal, type TokenSignal } from '../../../src/data/logits/signal.js';

const nothing: Signal = {
  labels: 0,
  hidden: 0,
  heads: 0,
  hiddenStates: [],
  attention: [],
  dtype: 'float16',
  aligned: true,
  tokens: null,
};
/** Bytes that one more token takes. */
const tokenBytes = (tokens: TokenSignal, changes: Partial<Signal> = {}): number => {
  const signal = { ...nothing, ...changes, tokens };
  return rowBytes(signal, 101) - rowBytes(signal, 100);
};
const llama = { vocabulary: 128_256, temperature: 1 } as const;

test('the 64 most likely tokens of 128,256 and their tail take 266 bytes a token', () => {
  // 64 · (16 bits of the id + 16 of the log-probability) + 64 · 1 upper bit + 2 for the tail.
  expect(tokenBytes({ keep: 'top-k', ...llama, k: 64 })).toBe(64 * 4 + 8 + 2);
  expect(tokenBytes({ keep: 'top-k', ...llama, k: 64 })).toBeLessThanOrEqual(300);
  expect(tokenBytes({ keep: 'top-k', ...llama, k: 64, temperature: 2 })).toBe(266 + 6);
  expect(tokenBytes({ keep: 'top-k', vocabulary: 50_257, k: 64, temperature: 1 })).toBe(258);
  expect(tokenBytes({ keep: 'top-k', ...llama, k: 64 }, { dtype: 'float32' })).toBe(266 + 130);
});

test('drawn tokens are counted as if all were different, and all logits as they are', () => {
  expect(tokenBytes({ keep: 'sampled', ...llama, samples: 48 })).toBe(1 + 48 * 3 + 6);
  expect(tokenBytes({ keep: 'sampled', vocabulary: 10, samples: 48, temperature: 1 })).toBe(1 + 10 * 3);
  expect(tokenBytes({ keep: 'full', vocabulary: 128_256 })).toBe(256_512);
});

test('a row takes what its sections take', () => {
  const bert = { ...nothing, labels: 3, hidden: 8, heads: 2, hiddenStates: [0, 2], attention: [1] };
  // Id, hash, number of tokens; logits, two states, scores.
  expect(rowBytes(bert, 5)).toBe(8 + 8 + 4 + 2 * (3 + 2 * 5 * 8 + 2 * 25));
  expect(rowBytes({ ...bert, dtype: 'float32' }, 5)).toBe(20 + 4 * (3 + 80 + 50));
  expect(rowBytes({ ...nothing, aligned: false, labels: 3 }, 0)).toBe(8 + 6);
});

test('a cache takes at least its rows', () => {
  const signal = { ...nothing, labels: 2 };
  const rows = 1000 * rowBytes(signal, 50);
  const bytes = cacheBytes(signal, Array(1000).fill(50));
  expect(bytes).toBeGreaterThan(rows + 100 * 1000);
});
