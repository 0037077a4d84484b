import { withoutGradient } from '../backend/gradient.js';
import type { Tensors } from '../backend/runner.js';
import { type Tensor, tf } from '../backend/tf.js';
import type { Wanted } from '../data/logits.js';
import type { NextTokens, TeacherSignal } from '../methods/objective.js';
import type { ModelInput, ModelOutput } from '../models/architecture.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { encode, forward, tellsTokens, tokenLogits } from '../models/forward.js';
import { joinHeads } from '../models/layers.js';

/** A teacher that is asked of each batch, in the graph that trains the student. */
export interface Live {
  readonly model: TransformerModel;
  /** Where each of the student's labels stands among the teacher's. */
  readonly order: readonly number[];
}

/** What stands before the names of a live teacher's parameters, the first being 0. */
export const livePrefix = (teacher: number): string => `teacher.${teacher}.`;

/** A batch as a model reads it; `positions` are those before tokens that are to be written. */
interface Read {
  readonly ids: Tensor;
  readonly mask: Tensor;
  readonly types: Tensor | undefined;
  readonly positions: Tensor | undefined;
}

/** What a live teacher says of a batch, without dropout; nothing of it is learnt. */
export function liveSignal(
  { model, order }: Live,
  prefix: string,
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
    const padding = tf.reshape(mask, [...mask.shape, 1]);
    const pairs = tf.mul(
      tf.reshape(mask, [mask.shape[0] as number, 1, -1, 1]),
      tf.reshape(mask, [mask.shape[0] as number, 1, 1, -1]),
    );
    const last = out.hiddenStates.at(-1) as Tensor;
    return {
      logits: 'logits' in out && wanted.logits ? ordered((out as ModelOutput).logits, order) : undefined,
      hiddenStates: new Map(wanted.hiddenStates.map((l) => [l, tf.mul(out.hiddenStates[l] as Tensor, padding)])),
      attentionScores: new Map(
        wanted.attention.map((l) => [l, tf.mul(out.attentionScores[l - 1]?.() as Tensor, pairs)]),
      ),
      values: new Map((wanted.values ?? []).map((l) => [l, tf.mul(joinHeads(out.values[l - 1] as Tensor), padding)])),
      next: tells && positions && wanted.logits ? nextOf(tokenLogits(config, own, last, positions)) : undefined,
    };
  });
}

const nextOf = (logits: Tensor): NextTokens => ({ keep: 'full', logits });

/** Columns in the student's order of labels. */
function ordered(logits: Tensor, order: readonly number[]): Tensor {
  if (order.every((from, to) => from === to)) return logits;
  return tf.gather(logits, tf.tensor1d([...order], 'int32'), -1);
}
