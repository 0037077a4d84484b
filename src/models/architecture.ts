import type { Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';

/** How a parameter starts: drawn from N(0, 0.02²) as BERT's code does, or filled. */
export type Initial = 'normal' | 'zeros' | 'ones';

export interface ParameterSpec {
  readonly shape: readonly number[];
  readonly initial: Initial;
  /** AdamW's weight decay applies (weights yes; biases and layer norms no, as in BERT's own code). */
  readonly decay: boolean;
}

/** Everything an objective may look at, of a student or a teacher. Names and positions follow Hugging Face. */
export interface ModelOutput {
  /** [batch, labels] */
  readonly logits: Tensor;
  /** Embedding output, then each layer's: layers + 1 of [batch, length, hidden]; the last [batch, 1, hidden] of `first`. */
  readonly hiddenStates: readonly Tensor[];
  /** Each layer's Q·Kᵀ/√d before mask and softmax, computed when asked for: layers of [batch, heads, length, length]. */
  readonly attentionScores: readonly (() => Tensor)[];
}

/** Of which tokens the last layer computes its output: a classifier reads the first alone, and what no one reads costs. */
export type LastTokens = 'first' | 'all';

export interface ModelInput {
  /** Token ids, int32 [batch, length]. */
  readonly ids: Tensor;
  /** 1 for a token, 0 for padding, float32 [batch, length]. */
  readonly mask: Tensor;
  /** 1 to keep a value, 0 to drop it: one tensor a dropout site, as `dropoutSites` says; none when there is no dropout. */
  readonly dropout: readonly Tensor[];
  readonly lastTokens: LastTokens;
}

/** What there is to say of any transformer. Plain data: it names its architecture by `type`. */
export interface TransformerConfig {
  readonly type: string;
  readonly vocabulary: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Tokens of the longest text. */
  readonly maxLength: number;
  readonly labels: number;
  readonly dropout: number;
}

/** A model family over configurations `C`: what it is made of, and what it computes, in tfjs ops. */
export interface Architecture<C extends TransformerConfig = TransformerConfig> {
  /** `model_type` in Hugging Face's `config.json`. */
  readonly type: string;
  /** `architectures` there: the class that reads the folder. */
  readonly className: string;
  /** What `config.json` says besides labels, under Hugging Face's names. */
  toHuggingFace(config: C): Readonly<Record<string, unknown>>;
  /** @throws StepFailure if it describes a model that is computed in another way than this one */
  fromHuggingFace(json: Readonly<Record<string, unknown>>, labels: number): C;
  /** In the order in which they are drawn and saved; names are Hugging Face's. */
  parameters(config: C): Readonly<Record<string, ParameterSpec>>;
  /** Shapes of the values that dropout may zero, in order of use; none where the rate is 0. */
  dropoutSites(config: C, batch: number, length: number, lastTokens: LastTokens): readonly (readonly number[])[];
  forward(config: C, parameters: Tensors, input: ModelInput): ModelOutput;
}
