import { withoutGradient } from '../backend/gradient.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Wanted } from '../data/logits.js';
import type { TeacherSignal } from '../methods/objective.js';
import type { Encoded, ModelInput, ModelOutput } from '../models/architecture.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { encode, forward, tellsTokens, tokenLogits } from '../models/forward.js';
import { joinHeads } from '../models/layers.js';

/** A teacher that is asked of each batch, in the graph that trains the student. */
export interface Live {
  readonly model: TransformerModel;
  /** Where each of the student's labels stands among the teacher's. */
  readonly order: readonly number[];
  /** Of an ensemble, the others: models of the same labels in the same order. Their answers count as much. */
  readonly others?: readonly TransformerModel[];
}

/** The models of a live teacher, and what stands before the names of each one's parameters; the first teacher is 0. */
export const voicesOf = ({ model, others = [] }: Live, teacher: number) =>
  [model, ...others].map((each, i) => ({
    model: each,
    prefix: i === 0 ? `teacher.${teacher}.` : `teacher.${teacher}.with.${i}.`,
  }));

/** A batch as a model reads it; `positions` are those before tokens that are to be written. */
interface Read {
  readonly ids: Tensor;
  readonly mask: Tensor;
  readonly types: Tensor | undefined;
  readonly positions: Tensor | undefined;
}

/** What one of a live teacher's models says of a batch, without dropout; nothing of it is learnt. */
export function liveSignal(
  { model, prefix }: ReturnType<typeof voicesOf>[number],
  order: Live['order'],
  parameters: Tensors,
  { ids, mask, types, positions }: Read,
  wanted: Wanted,
): TeacherSignal {
  return withoutGradient(() => {
    const { config } = model;
    const own = Object.fromEntries(
      Object.keys(model.parameters).map((name) => [name, parameters[prefix + name] as Tensor]),
    );
    const tells = tellsTokens(config);
    const all = tells || config.head === 'token-classifier' || wanted.hiddenStates.includes(config.layers);
    const lastTokens = all ? 'all' : 'pooled';
    const input: ModelInput = { ids, mask, types, dropout: [], lastTokens };
    const out = tells || config.head === 'none' ? encode(config, own, input) : forward(config, own, input);
    const last = out.hiddenStates.at(-1) as Tensor;
    const said = {
      logits: 'logits' in out ? ordered((out as ModelOutput).logits, order) : undefined,
      next: tells && positions && wanted.logits ? tokenLogits(config, own, last, positions) : undefined,
    };
    return signalOf(out, said, mask, wanted);
  });
}

/**
 * What is wanted of a model's output, by one that learns from it: zeros at padding, and nothing of it is learnt.
 * @param said its logits, and those of the tokens that are to be written
 * @param mask [batch, length]
 */
export const signalOf = (
  out: Encoded,
  said: { readonly logits: Tensor | undefined; readonly next: Tensor | undefined },
  mask: Tensor,
  wanted: Wanted,
): TeacherSignal =>
  withoutGradient(() => {
    const padding = tf.reshape(mask, [...mask.shape, 1]);
    const pairs = tf.mul(
      tf.reshape(mask, [mask.shape[0] as number, 1, -1, 1]),
      tf.reshape(mask, [mask.shape[0] as number, 1, 1, -1]),
    );
    return {
      logits: wanted.logits && said.logits ? tf.clone(said.logits) : undefined,
      hiddenStates: new Map(wanted.hiddenStates.map((l) => [l, tf.mul(out.hiddenStates[l] as Tensor, padding)])),
      attentionScores: new Map(
        wanted.attention.map((l) => [l, tf.mul(out.attentionScores[l - 1]?.() as Tensor, pairs)]),
      ),
      values: new Map((wanted.values ?? []).map((l) => [l, tf.mul(joinHeads(out.values[l - 1] as Tensor), padding)])),
      next: wanted.logits && said.next ? { keep: 'full', logits: tf.clone(said.next) } : undefined,
    };
  });

/** Columns in the student's order of labels. */
function ordered(logits: Tensor, order: readonly number[]): Tensor {
  if (order.every((from, to) => from === to)) return logits;
  return tf.gather(logits, tf.tensor1d([...order], 'int32'), -1);
}
