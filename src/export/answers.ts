import { createSession, type SessionInput } from '../backend/onnx/session.js';
import { createRunner, type HostTensors, type TensorFunction } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { architectureOf } from '../models/architectures.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { encode, forward } from '../models/forward.js';
import { hasLabels, isHeadless, readsTexts } from '../models/heads.js';
import { bucketLength, padTokens } from '../models/padding.js';
import { formsOf } from './form.js';
import type { CheckedRow } from './rows.js';

/** What a model says of texts, whatever it runs on: of each text its logits, or of each of its tokens what is put out. */
export interface Answerer {
  /** @returns of each text [labels], or [tokens, width] */
  answer(rows: readonly Tokens[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** A text's tokens. */
export type Tokens = Pick<CheckedRow, 'ids' | 'second'>;

/** Numbers that a text, or a token of it, is answered with. */
export const widthOf = ({ config }: TransformerModel): number =>
  hasLabels(config.head) ? config.labels : isHeadless(config.head) ? config.hidden : config.vocabulary;

/** The rows of a padded answer [texts, length, width], or [texts, width] of what reads whole texts, that are of real tokens. */
function unpadded(
  values: Float32Array,
  texts: readonly Int32Array[],
  length: number,
  width: number,
  whole: boolean,
): Float32Array[] {
  return texts.map((text, row) => {
    const at = row * (whole ? width : length * width);
    return values.slice(at, at + (whole ? width : text.length * width));
  });
}

/** The model as it is here: what its export is held against. */
export async function ownAnswers(model: TransformerModel, threads: number): Promise<Answerer> {
  const { config, parameters } = model;
  const whole = readsTexts(config.head);
  const fn: TensorFunction = {
    key: `export ${JSON.stringify(config)}`,
    call: (p, b) => {
      const input = { ids: b.ids as Tensor, mask: b.mask as Tensor, types: b.types, dropout: [] };
      if (isHeadless(config.head)) {
        return { values: encode(config, p, { ...input, lastTokens: 'all' }).hiddenStates.at(-1) as Tensor };
      }
      return { values: forward(config, p, { ...input, lastTokens: whole ? 'pooled' : 'all' }).logits };
    },
  };
  const runner = await createRunner('onnx', threads);
  return {
    async answer(rows) {
      const texts = rows.map(({ ids }) => ids);
      const length = bucketLength(Math.max(...texts.map((text) => text.length)), config.maxLength);
      const batch = padTokens(texts, texts.length, length, config.padId, secondsOf(rows));
      const { values } = await runner.forward(fn, parameters, batch);
      return unpadded(values as Float32Array, texts, length, widthOf(model), whole);
    },
    close: () => runner.release(),
  };
}

/** An exported graph in ONNX Runtime. @param file an ONNX file, its path or its bytes */
export async function graphAnswers(
  file: string | Uint8Array,
  model: TransformerModel,
  threads: number,
): Promise<Answerer> {
  const { config } = model;
  const [form] = formsOf(config) as [ReturnType<typeof formsOf>[number]];
  const { decoder } = architectureOf(config);
  const session = await createSession(file, 'cpu', threads, true);
  return {
    async answer(rows) {
      const texts = rows.map(({ ids }) => ids);
      const length = Math.max(...texts.map((text) => text.length));
      const fed = padTokens(texts, texts.length, length, config.padId, secondsOf(rows));
      const [ids, mask] = [fed.ids, fed.mask] as [HostTensors[string], HostTensors[string]];
      const given: Record<string, SessionInput> = {
        input_ids: int64(ids),
        attention_mask: int64(mask),
        token_type_ids: int64(fed.types ?? { ...ids, data: new Int32Array(ids.data.length) }),
        position_ids: int64({ ...ids, data: ids.data.map((_: number, i: number) => i % length) as Int32Array }),
      };
      const feeds = Object.keys(form.feeds).map((name): [string, SessionInput] => {
        if (given[name]) return [name, given[name]];
        const shape = [texts.length, decoder?.kvHeads(config) ?? 0, 0, decoder?.headWidth(config) ?? 0];
        return [name, { dtype: 'float32', shape, data: new Float32Array() }];
      });
      const found = await session.run(Object.fromEntries(feeds), [form.output]);
      return unpadded(found[form.output] as Float32Array, texts, length, widthOf(model), readsTexts(config.head));
    },
    close: () => session.release(),
  };
}

const secondsOf = (rows: readonly Tokens[]): (number | undefined)[] | undefined =>
  rows.some(({ second }) => second !== undefined) ? rows.map(({ second }) => second) : undefined;

const int64 = ({ shape, data }: HostTensors[string]): SessionInput => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from([...data].map(BigInt)),
});
