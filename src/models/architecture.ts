import type { HostTensors, Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { Dropout } from './layers.js';

/** How a parameter starts: drawn from N(0, 0.02²) as BERT's code does, or filled. */
export type Initial = 'normal' | 'zeros' | 'ones';

/**
 * Where in a model a parameter is: what is frozen, taken over or made anew goes by it. Layers count from 1; what several
 * layers share is in the first of them.
 */
export type Part = 'embeddings' | number | 'head';

export interface ParameterSpec {
  readonly shape: readonly number[];
  readonly initial: Initial;
  /** AdamW's weight decay applies (weights yes; biases and norms no, as in BERT's own code). */
  readonly decay: boolean;
}

/** A parameter of a model, and where in it it is. */
export interface PlacedSpec extends ParameterSpec {
  readonly part: Part;
}

export type ParameterSpecs = Readonly<Record<string, PlacedSpec>>;

/** What an architecture computes of a batch, before any head. Names and positions follow Hugging Face. */
export interface Encoded {
  /** Embedding output, then each layer's: layers + 1 of [batch, length, hidden]; the last [batch, 1, hidden] of `pooled`. */
  readonly hiddenStates: readonly Tensor[];
  /** Each layer's Q·Kᵀ/√d before mask and softmax, computed when asked for: layers of [batch, heads, length, length]. */
  readonly attentionScores: readonly (() => Tensor)[];
  /** Each layer's values: layers of [batch, kv heads, length, width]. */
  readonly values: readonly Tensor[];
  /** The last hidden state of the token that a classifier reads: [batch, hidden]. */
  readonly pooled: Tensor;
  /** Of a decoder, each layer's: what the tokens after these will look back to. */
  readonly memory?: readonly KeysValues[];
}

/** A layer's keys and values: [batch, kv heads, length, width] each. */
export interface KeysValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Everything an objective may look at, of a student or a teacher. */
export interface ModelOutput extends Encoded {
  /** [batch, labels] of what reads texts, [batch, length, labels] of a tagger, [batch, length, vocabulary] of a language model. */
  readonly logits: Tensor;
}

/** Of which tokens the last layer computes its output: a classifier reads one alone, and what no one reads costs. */
export type LastTokens = 'pooled' | 'all';

export interface ModelInput {
  /** Token ids, int32 [batch, length]. */
  readonly ids: Tensor;
  /** 1 for a token, 0 for padding (at the end), float32 [batch, length]. */
  readonly mask: Tensor;
  /** Token types, int32 [batch, length], of a model that knows some: of a pair's second text 1. Without them all are of the first. */
  readonly types?: Tensor | undefined;
  /** 1 to keep a value, 0 to drop it: one tensor a dropout site, as `dropoutSites` says; none when there is no dropout. */
  readonly dropout: readonly Tensor[];
  readonly lastTokens: LastTokens;
}

/**
 * What stands on the layers: nothing; a text's vector, the mean of its tokens'; one label for a text, any number of
 * labels, or a score; a label for each token; the next token for each token; or the token that is hidden at a place.
 */
export type Head =
  | 'none'
  | 'embedding'
  | 'classifier'
  | 'multi-label'
  | 'regression'
  | 'token-classifier'
  | 'language-model'
  | 'masked-language-model';

/** What there is to say of any transformer. Plain data: it names its architecture by `type`. */
export interface TransformerConfig {
  readonly type: string;
  readonly vocabulary: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  /** Tokens that its positions reach to. */
  readonly positions: number;
  /** Tokens that are read of a text; at most `positions`. */
  readonly maxLength: number;
  readonly head: Head;
  /** Outputs of its head: 1 of a regression, 0 where there is no head or it writes. */
  readonly labels: number;
  readonly dropout: number;
  /** Of its norms. */
  readonly epsilon: number;
  /** Token that fills up a batch; a saved classifier finds the last real token by it. */
  readonly padId: number;
  /** Token that ends a text that is being made; null where the model names none. */
  readonly eosId: number | null;
  /** It reads two texts at once, and compares them. */
  readonly pairs?: true;
}

/** What a recipe says of a model from scratch, and what its data and tokenizer say. */
export type Shape = Omit<TransformerConfig, 'positions' | 'epsilon' | 'eosId'> & {
  readonly kvHeads: number;
  /** ALBERT's own: width of the token embeddings, and groups of layers that share their parameters. */
  readonly embedding?: number;
  readonly groups?: number;
};

/** A model family over configurations `C`: what it is made of, and what it computes, in tfjs ops. */
export interface Architecture<C extends TransformerConfig = TransformerConfig> {
  /** `model_type` in Hugging Face's `config.json`. */
  readonly type: string;
  /** `architectures` there: the class that reads a folder with that head. */
  className(config: C): string;
  /** What stands before its parameters' names in a model with a head, and not in one without: `bert.`. */
  readonly prefix: string;
  scratch(shape: Shape): C;
  /** What `config.json` says besides labels, under Hugging Face's names. */
  toHuggingFace(config: C): Readonly<Record<string, unknown>>;
  /** @throws StepFailure if it describes a model that is computed in another way than this one */
  fromHuggingFace(json: Readonly<Record<string, unknown>>, head: Head, labels: number): C;
  /** In the order in which they are drawn and saved; names are Hugging Face's. */
  parameters(config: C): ParameterSpecs;
  /**
   * Names of a layer's parameters, counted from 1: what stands before the rest of the name. Layers of one prefix share
   * their parameters.
   */
  layerPrefix(config: C, layer: number): string;
  /**
   * The configuration of a model of some of the layers, where it is more than their number.
   * @param layers counted from 1, ascending
   * @throws StepFailure if there is no such model
   */
  withLayers?(config: C, layers: readonly number[]): C;
  /** Shapes of the values that dropout may zero, in order of use. */
  dropoutSites(config: C, batch: number, length: number, lastTokens: LastTokens): readonly (readonly number[])[];
  encode(config: C, parameters: Tensors, input: ModelInput, drop: Dropout): Encoded;
  /** @param pooled [batch, hidden] @returns [batch, labels] */
  classify(config: C, parameters: Tensors, pooled: Tensor, drop: Dropout): Tensor;
  /** It can label tokens: `parameters` has the head that `tokenClassifierSpec` describes. */
  readonly labelsTokens?: true;
  /** Absent of an encoder. */
  readonly decoder?: Decoder<C>;
  /** Absent of one that tells no hidden tokens. */
  readonly masked?: MaskedHead<C>;
}

/** How a model tells a token that is hidden from it (Devlin et al. 2018, arXiv:1810.04805, §3.1). */
export interface MaskedHead<C extends TransformerConfig = TransformerConfig> {
  /** @param x last hidden states [n, hidden] @returns what is compared with the output embeddings [n, width] */
  transform(config: C, parameters: Tensors, x: Tensor): Tensor;
  /** The output embeddings [vocabulary, width] and each token's bias [vocabulary]. */
  output(config: C, parameters: Tensors): { readonly weight: Tensor; readonly bias: Tensor };
}

/** How a model makes text, token by token. */
export interface Decoder<C extends TransformerConfig = TransformerConfig> {
  /** Output embeddings: [vocabulary, hidden]. */
  output(config: C, parameters: Tensors): Tensor;
  kvHeads(config: C): number;
  /** Numbers of one head's key. */
  headWidth(config: C): number;
  /** What a step must be fed to know the position of each text's next token, counted from 0. */
  positionFeeds(config: C, positions: readonly number[]): HostTensors;
  /** The same, computed of positions int32 [batch, length] where they are known in the graph only. */
  placed(config: C, positions: Tensor): Tensors;
  /** More tokens of each text; x are their last hidden states [batch, length, hidden]. */
  step(
    config: C,
    parameters: Tensors,
    input: StepInput,
  ): { readonly x: Tensor; readonly memory: readonly KeysValues[] };
}

/** Attention to what a token may see. q [batch, heads, rows, width] → the same shape. */
export type LookBack = (q: Tensor, own: KeysValues, layer: number) => Tensor;

export interface StepInput {
  /** int32 [batch, length] */
  readonly ids: Tensor;
  /** What the tokens look back to. */
  readonly lookBack: LookBack;
  /** As `positionFeeds` or `placed` gave it. */
  readonly position: Tensors;
}
