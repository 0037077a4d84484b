import type { Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import type { Encoded, ModelOutput, ParameterSpec } from '../models/architecture.js';
import type { ValueShape } from '../models/values.js';
import type { ScheduleOptions } from '../options/train.js';
import type { LayerCounts } from './layer-maps/layer-map.js';

/** What a teacher said of a batch, cached or live; an objective does not know which. */
export interface TeacherSignal {
  /** [n, classes], a question a row (`questions.ts`). */
  readonly logits: Tensor | undefined;
  /** By teacher layer (0 = embedding output): [batch, length, hidden]; zeros at padding. */
  readonly hiddenStates: ReadonlyMap<number, Tensor>;
  /** By teacher layer (1 = first): [batch, heads, length, length] before the mask; zeros at padding. */
  readonly attentionScores: ReadonlyMap<number, Tensor>;
  /** By teacher layer (1 = first): [batch, length, heads · width], heads side by side; zeros at padding. */
  readonly values: ReadonlyMap<number, Tensor>;
  /** Of the tokens that are to be written or are hidden, by a language model. */
  readonly next: NextTokens | undefined;
  /** Of the texts of a batch and of all their candidates, in the order of `Match`. */
  readonly vectors?: PairVectors | undefined;
}

/** A teacher's vectors, of length 1, zeros for what only fills up or is not known. */
export interface PairVectors {
  /** [batch, width] */
  readonly texts: Tensor;
  /** [batch · candidates, width] */
  readonly candidates: Tensor;
}

/** What a teacher says of n tokens that are to be written. */
export type NextTokens =
  /** Logits [n, vocabulary], of any temperature. */
  | { readonly keep: 'full'; readonly logits: Tensor }
  /** The k most likely, int32 `ids` and log-probabilities [n, k]; `tail` [n, 1] is the log of all others' mass. */
  | { readonly keep: 'top-k'; readonly ids: Tensor; readonly logProbabilities: Tensor; readonly tail: Tensor }
  /** Tokens that were drawn, int32 `ids` and the probabilities that they stand for [n, k]; 0 where there are fewer. */
  | { readonly keep: 'sampled'; readonly ids: Tensor; readonly weights: Tensor };

/** Sizes that say whether an objective fits its two models. */
export interface Fit {
  readonly layers: LayerCounts;
  readonly studentHidden: number;
  readonly teacherHidden: number;
  readonly studentHeads: number;
  readonly teacherHeads: number;
  readonly studentValues: ValueShape;
  /** Undefined where the teacher's values are not known. */
  readonly teacherValues: ValueShape | undefined;
  /** Of a teacher that compares the vectors of two texts: its score is scale · cosine + bias. */
  readonly teacherSimilarity?: { readonly scale: number; readonly bias: number } | undefined;
}

/** What an objective reads. What is a teacher's the cache must hold; rows without a label count only where none is read. */
export interface Needs {
  /** The objective applies only to rows that have a label. */
  readonly labels: boolean;
  readonly logits: boolean;
  /** The student's last hidden state, of all tokens: it is else computed of the first alone. */
  readonly lastHiddenState: boolean;
  /** Teacher layers. */
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
  readonly values: readonly number[];
  /** The vectors of texts that are compared. */
  readonly vectors?: boolean;
}

/**
 * What a language model is to tell of a batch: the tokens of responses, or those that are hidden from a masked one, and
 * some that only fill up.
 */
export interface Continuation {
  /** −log p of each, by the student: [n] */
  readonly losses: Tensor;
  /** The student's logits there, computed when asked for: [n, vocabulary]. */
  readonly logits: () => Tensor;
  /** 1 for a token that counts, 0 for one that does not: [n] */
  readonly weights: Tensor;
}

/** What there is to know, beside the tokens, of texts that the student wrote itself. */
export interface Policy {
  /** The sum of log p_teacher − log p_student over the tokens that come after each: [n]. */
  readonly returns: Tensor;
  /** p_student of each token / the probability with which it was drawn: [n]. */
  readonly importance: Tensor;
}

/** Texts, each beside as many candidates of which some belong to it; vectors have length 1. */
export interface Match {
  /** [batch, hidden] */
  readonly texts: Tensor;
  /** [batch · candidates, hidden], those of a text one after the other; the first belongs to it, if any is known to. */
  readonly candidates: Tensor;
  /** 1 for a candidate, 0 for what only fills up: [batch, candidates] */
  readonly real: Tensor;
  /** 1 for a candidate that does not belong to its text: [batch, candidates] */
  readonly negatives: Tensor;
  /** One-hot, the candidate of all that belongs to a text; all 0 where none is known to: [batch, batch · candidates] */
  readonly targets: Tensor;
  /** 1 for that one, and for each that does not belong to the text, or is another text's: [batch, batch · candidates] */
  readonly compared: Tensor;
}

export interface LossInput {
  /** The logits are those of single questions, [n, classes]; none of what writes. */
  readonly student: Encoded & Partial<Pick<ModelOutput, 'logits'>>;
  /** Of a language model, masked or not. */
  readonly continuation: Continuation | undefined;
  /** Where an objective asks for it. */
  readonly policy: Policy | undefined;
  /** Of a model that compares texts by their vectors. The teacher's logits are then scores of candidates, [batch, candidates]. */
  readonly match: Match | undefined;
  readonly teacher: TeacherSignal;
  /** 1 for a token, 0 for padding: [batch, length]; all 0 in a row that only fills up the batch. */
  readonly mask: Tensor;
  /** 1 for a question that is asked, 0 for what only fills up: [n] */
  readonly rows: Tensor;
  /** One-hot answers [n, classes]; all 0 where one is unknown. */
  readonly labels: Tensor;
  /** Where answers are no classes but scores, 1 for one that is known: [n]; `labels` [n, 1] then holds them. */
  readonly known: Tensor | undefined;
  /** A token sees only what is before it: scores of what comes after mean nothing. */
  readonly causal: boolean;
  /** Parameters of this objective, by the names of `parameters`. */
  readonly parameters: Tensors;
  /** Scalars, by the names of `schedules`. */
  readonly scheduled: Tensors;
}

/**
 * What a loss can be a mean over: texts, questions (a row asks one, but a tagger's one a word, a multi-label model's one a
 * label), those whose answer is known, tokens, tokens that are to be written, pairs of tokens of a row, and of
 * these pairs those in which the second is not after the first.
 */
export type Counted = 'texts' | 'rows' | 'labels' | 'tokens' | 'written-tokens' | 'token-pairs' | 'causal-pairs';

/** How a student writes what it learns from (on-policy). */
export interface OnPolicy {
  /** Of the batches, those that the student writes; the others are the data's. */
  readonly share: number;
  /** Whether the objective learns from the others too. */
  readonly alsoData: boolean;
  /** Tokens that it writes to a prompt, at most. */
  readonly tokens: number;
  /** Of its distribution as it draws. */
  readonly temperature: number;
  /** Of the distribution from which tokens are drawn, the teacher's part. */
  readonly mixed: number;
  /** By what a reward is multiplied for each token that it comes later. */
  readonly discount: number;
  /** A return is divided by the tokens that are still to come. */
  readonly perToken: boolean;
}

/**
 * One way to learn. `Options` is its entry in a recipe's `objectives`, as its schema has it.
 */
export interface Objective<Options> {
  readonly type: string;
  /** What its loss is a mean over, so that the means of several batches can be put together exactly. */
  over(causal: boolean, options: Options): Counted;
  /** @param fit undefined when it learns from no teacher */
  needs(options: Options, fit: Fit | undefined): Needs;
  /** Parameters that are learnt beside the student and thrown away after: projections. */
  parameters(options: Options, fit: Fit | undefined): Readonly<Record<string, ParameterSpec>>;
  /** Numbers of its options that change while a stage is trained, its weight aside. */
  schedules?(options: Options): Readonly<Record<string, ScheduleOptions>>;
  /** Where it learns from what the student writes. */
  onPolicy?(options: Options): OnPolicy;
  /** A scalar: a mean over what the objective applies to, so that it does not depend on the batch's size. */
  loss(options: Options, input: LossInput, fit: Fit | undefined): Tensor;
}

export const NOTHING: Needs = {
  labels: false,
  logits: false,
  lastHiddenState: false,
  hiddenStates: [],
  attention: [],
  values: [],
};
