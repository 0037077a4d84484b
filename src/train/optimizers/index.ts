import type { Optimizer } from '../../options/train.js';
import type { Rule } from '../optimizer.js';
import { adamw } from './adamw.js';
import { sgd } from './sgd.js';

/** The rule that a recipe names. */
export function ruleOf(options: Optimizer, weightDecay: number): Rule {
  return options.type === 'sgd' ? sgd(options.momentum, weightDecay) : adamw(weightDecay);
}
