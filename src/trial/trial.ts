/** What a person types; `pair` is the second text for a model that compares two. */
export interface Question {
  readonly text: string;
  readonly pair?: string;
}

export interface TriedWord {
  readonly word: string;
  /** Null where the model does not read that far. */
  readonly tag: string | null;
  readonly probability: number | null;
}

/** What a model says, whatever its task. */
export type Answer =
  /** The likeliest of some labels. */
  | { readonly kind: 'label'; readonly label: string; readonly probabilities: Readonly<Record<string, number>> }
  /** All labels that are more likely than not. */
  | {
      readonly kind: 'labels';
      readonly labels: readonly string[];
      readonly probabilities: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'score'; readonly name: string; readonly score: number }
  | { readonly kind: 'tags'; readonly words: readonly TriedWord[] }
  /** How alike two texts are; the probability that they belong together, where the model has learnt one. */
  | { readonly kind: 'similarity'; readonly cosine: number; readonly probability: number | null }
  | { readonly kind: 'text'; readonly text: string; readonly tokens: number };

/** A model, ready to be tried. */
export interface Trial {
  /** `bert`, `logistic`, … */
  readonly type: string;
  /** Trainable numbers, embeddings included. */
  readonly parameters: number;
  /** It answers two texts. */
  readonly pairs: boolean;
  /** @throws StepFailure if the model computes numbers that are none */
  answer(question: Question): Promise<Answer>;
  close(): Promise<void>;
}
