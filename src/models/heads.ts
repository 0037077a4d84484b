import { StepFailure } from '../util/failure.js';
import type { Head, ParameterSpecs, TransformerConfig } from './architecture.js';
import { linearSpec } from './layers.js';

/** Heads that read a whole text and answer with some numbers: one a label, or one score. */
export const readsTexts = (head: Head): boolean =>
  head === 'classifier' || head === 'multi-label' || head === 'regression';

/** Heads that stand for nothing on the last hidden states: other tools make of these what they need. */
export const isHeadless = (head: Head): boolean => head === 'none' || head === 'embedding';

/** Heads whose logits are one for each of the model's labels. */
export const hasLabels = (head: Head): boolean => readsTexts(head) || head === 'token-classifier';

/** `problem_type` in Hugging Face's `config.json`; undefined where there is nothing to say. */
export const problemType = (head: Head): string | undefined =>
  ({ 'multi-label': 'multi_label_classification', regression: 'regression' })[head as string];

/** What a teacher's class logits say, as an artifact of kind `logits` has it: nothing where it is one label a text. */
export function ofTask(head: Head): { readonly task?: 'tagging' | 'multi-label' | 'regression' } {
  if (head === 'token-classifier') return { task: 'tagging' };
  return head === 'multi-label' || head === 'regression' ? { task: head } : {};
}

/**
 * The head of a `…ForSequenceClassification`, by its `problem_type`; without one transformers takes a single output for a
 * regression.
 * @param file for the message
 * @throws StepFailure if there is no such problem, or it is a regression of several numbers
 */
export function headOfProblem(type: unknown, labels: number, file: string): Head {
  switch (type ?? (labels === 1 ? 'regression' : 'single_label_classification')) {
    case 'single_label_classification':
      return 'classifier';
    case 'multi_label_classification':
      return 'multi-label';
    case 'regression':
      if (labels === 1) return 'regression';
      throw new StepFailure(
        'unsupported-model',
        `${file}: a regression with ${labels} outputs, and a model here has one score`,
      );
    default:
      throw new StepFailure(
        'unsupported-model',
        `${file}: problem_type ${JSON.stringify(type)} is none that transformers has`,
      );
  }
}

/** The one linear layer of a `…ForTokenClassification`, which all encoders name alike. */
export const TOKEN_CLASSIFIER = 'classifier';

/** The parameters of a head that labels tokens. */
export const tokenClassifierSpec = (c: TransformerConfig): ParameterSpecs =>
  linearSpec('head', TOKEN_CLASSIFIER, c.hidden, c.labels);
