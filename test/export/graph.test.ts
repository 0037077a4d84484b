import { afterAll, describe, expect, it } from 'vitest';
import { createSession, type SessionInput } from '../../src/backend/onnx/session.js';
import { createRunner, type HostTensors, type TensorFunction } from '../../src/backend/runner.js';
import type { Tensor } from '../../src/backend/tf.js';
import { graphsOf } from '../../src/export/graph.js';
import type { Head } from '../../src/models/architecture.js';
import { encode, forward } from '../../src/models/forward.js';
import { padTokens } from '../../src/models/padding.js';
import { Random } from '../../src/util/random.js';
import { expectClose } from '../backend/rig.js';
import { tiny } from '../models/tiny.js';

const runner = await createRunner('onnx', 2);
afterAll(() => runner.release());

const ints = (tensor: HostTensors[string]): SessionInput => ({
  dtype: 'int64',
  shape: tensor.shape,
  data: BigInt64Array.from([...(tensor.data as Int32Array)].map(BigInt)),
});

/** Texts of these lengths, of tokens drawn. */
function batchOf(lengths: readonly number[], vocabulary: number, padId: number): HostTensors {
  const random = new Random(3, `batch ${lengths}`);
  const texts = lengths.map((n) => Int32Array.from({ length: n }, () => 5 + random.below(vocabulary - 5)));
  return padTokens(texts, texts.length, Math.max(...lengths), padId);
}

/** The golden models classify; the other heads are in `export.test.ts`. */
const CASES: readonly (readonly [string, Head])[] = [
  ...['bert', 'distilbert', 'roberta', 'gpt2', 'llama', 'llama3', 'qwen2', 'qwen3'].flatMap((name) =>
    (['classifier', 'none'] as const).map((head) => [name, head] as const),
  ),
];

describe.each(CASES)('%s, %s', (name, head) => {
  it('gives out what the model computes, at every size', async () => {
    const found = await tiny(name);
    const config = { ...found.config, head };
    const parameters = Object.fromEntries(
      Object.entries(found.parameters).filter(([key]) => head !== 'none' || !/^(classifier|score|pre_class)/.test(key)),
    );
    const { exact, short } = graphsOf({ config, labels: [], parameters }, true);
    const output = head === 'none' ? 'last_hidden_state' : 'logits';
    const own: TensorFunction = {
      key: `${name} ${head}`,
      call: (p, b) => {
        const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [] };
        if (head !== 'none') return { logits: forward(config, p, { ...input, lastTokens: 'pooled' }).logits };
        return {
          last_hidden_state: encode(config, p, { ...input, lastTokens: 'all' }).hiddenStates.at(-1) as Tensor,
        };
      },
    };
    const session = await createSession(exact, 'cpu', 1);
    const coarse = await createSession(short as Uint8Array, 'cpu', 1);
    for (const lengths of [[1], [7], [3, 5, 1], [10, 2, 9, 4]]) {
      const batch = batchOf(lengths, config.vocabulary, config.padId);
      const feeds: Record<string, SessionInput> = {
        input_ids: ints(batch.ids as HostTensors[string]),
        attention_mask: ints(batch.mask as HostTensors[string]),
      };
      if (session.inputs.some((port) => port.name === 'token_type_ids')) {
        feeds.token_type_ids = {
          ...(feeds.input_ids as SessionInput),
          data: new BigInt64Array(batch.ids?.data.length ?? 0),
        };
      }
      const expected = await runner.forward(own, parameters, batch);
      const real = (values: Float32Array): number[] =>
        head !== 'none'
          ? [...values]
          : lengths.flatMap((n, row) => {
              const at = row * Math.max(...lengths) * config.hidden;
              return [...values.subarray(at, at + n * config.hidden)];
            });
      const [mine, theirs, rough] = [
        expected[output] as Float32Array,
        (await session.run(feeds, [output]))[output] as Float32Array,
        (await coarse.run(feeds, [output]))[output] as Float32Array,
      ];
      expectClose(Float32Array.from(real(theirs)), real(mine), `${lengths}`, 1e-5);
      const worst = Math.max(...real(mine).map((x, i) => Math.abs(x - (real(rough)[i] as number))));
      expect(worst, `${lengths} in integers`).toBeLessThan(0.2);
    }
  });
});

describe.each(['gpt2', 'llama', 'llama3', 'qwen2', 'qwen3'])('%s as a language model', async (name) => {
  const { config, parameters } = await tiny(name, 'language-model');
  const { exact, short } = graphsOf({ config, labels: [], parameters }, true);
  const session = await createSession(exact, 'cpu', 1);
  const kv = session.inputs.filter((port) => port.name.startsWith('past_key_values'));
  const batch = batchOf([9, 6], config.vocabulary, config.padId);
  const ids = batch.ids?.data as Int32Array;
  const own: TensorFunction = {
    key: `${name} lm`,
    call: (p, b) => {
      const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, dropout: [], lastTokens: 'all' as const };
      return { logits: forward(config, p, input).logits };
    },
  };
  const expected = (await runner.forward(own, parameters, batch)).logits as Float32Array;
  const int64 = (shape: number[], numbers: number[]): SessionInput => ({
    dtype: 'int64',
    shape,
    data: BigInt64Array.from(numbers.map(BigInt)),
  });
  const heads = kv[0]?.shape[1] as number;
  const width = kv[0]?.shape[3] as number;
  const row = (logits: Float32Array, at: number): number[] => [
    ...logits.subarray(at * config.vocabulary, (at + 1) * config.vocabulary),
  ];

  it('has the names that transformers gives such files', () => {
    expect(session.inputs.map((port) => `${port.name} [${port.shape}]`)).toEqual([
      'input_ids [batch_size,sequence_length]',
      'attention_mask [batch_size,total_sequence_length]',
      'position_ids [batch_size,sequence_length]',
      ...Array.from({ length: config.layers }, (_, i) =>
        ['key', 'value'].map(
          (kind) => `past_key_values.${i}.${kind} [batch_size,${heads},past_sequence_length,${width}]`,
        ),
      ).flat(),
    ]);
    expect(session.outputs.map((port) => `${port.name} [${port.shape}]`)).toEqual([
      `logits [batch_size,sequence_length,${config.vocabulary}]`,
      ...Array.from({ length: config.layers }, (_, i) =>
        ['key', 'value'].map((kind) => `present.${i}.${kind} [batch_size,${heads},total_sequence_length,${width}]`),
      ).flat(),
    ]);
  });

  it('reads a prompt whole, and token by token after what it keeps, with padding before the shorter text', async () => {
    // The second text of 6 tokens has its 3 of padding in front.
    const left = [...ids.subarray(0, 9), 0, 0, 0, ...ids.subarray(9, 15)];
    const mask = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1];
    const places = [0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 0, 1, 2, 3, 4, 5];
    const part = (of: number[], from: number, to: number) => [...of.slice(from, to), ...of.slice(9 + from, 9 + to)];
    let past: Record<string, SessionInput> = Object.fromEntries(
      kv.map((port) => [port.name, { dtype: 'float32', shape: [2, heads, 0, width], data: new Float32Array() }]),
    );
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, 9],
    ] as const) {
      const feeds = {
        input_ids: int64([2, to - from], part(left, from, to)),
        attention_mask: int64([2, to], part(mask, 0, to)),
        position_ids: int64([2, to - from], part(places, from, to)),
        ...past,
      };
      const names = session.outputs.map((port) => port.name);
      const found = await session.run(feeds, names);
      past = Object.fromEntries(
        kv.map((port) => [
          port.name,
          {
            dtype: 'float32',
            shape: [2, heads, to, width],
            data: found[port.name.replace('past_key_values', 'present')] as Float32Array,
          },
        ]),
      );
      for (let at = from; at < to; at++) {
        const logits = found.logits as Float32Array;
        expectClose(Float32Array.from(row(logits, at - from)), row(expected, at), `token ${at} of the first`, 2e-5);
        if (at < 3) continue;
        const mine = row(logits, to - from + at - from);
        expectClose(Float32Array.from(mine), row(expected, 9 + at - 3), `token ${at - 3} of the second`, 2e-5);
      }
    }
  });

  it('is near in integers', async () => {
    const coarse = await createSession(short as Uint8Array, 'cpu', 1);
    const feeds = {
      input_ids: int64([1, 9], [...ids.subarray(0, 9)]),
      attention_mask: int64([1, 9], new Array(9).fill(1)),
      position_ids: int64([1, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8]),
      ...Object.fromEntries(
        kv.map((port) => [
          port.name,
          { dtype: 'float32' as const, shape: [1, heads, 0, width], data: new Float32Array() },
        ]),
      ),
    };
    const { logits } = await coarse.run(feeds, ['logits']);
    for (let at = 0; at < 9; at++) {
      const errors = row(logits as Float32Array, at).map((x, i) => Math.abs(x - (row(expected, at)[i] as number)));
      expect(Math.max(...errors)).toBeLessThan(0.5);
    }
  });
});
