import type { TransformerConfig } from '../models/architecture.js';
import { architectureOf } from '../models/architectures.js';
import { StepFailure } from '../util/failure.js';

/**
 * A model that reads two texts at once.
 * @throws StepFailure `task` for one whose tokens do not see what comes after them
 */
export function readingPairs(config: TransformerConfig): TransformerConfig {
  if (architectureOf(config).decoder) throw cannotCompare(config.type);
  return { ...config, pairs: true };
}

/** @param type of a model that is no encoder */
export const cannotCompare = (type: string): StepFailure =>
  new StepFailure(
    'task',
    `a ${type} model reads one text at a time, so it cannot be trained for task "pair-classification"`,
    'Take a bert, a roberta or a distilbert.',
  );
