import type { Slot } from '../memory.js';
import type { Rule } from '../optimizer.js';

/**
 * Gradient descent with momentum, the same arithmetic as `torch.optim.SGD`: m ← momentum·m + g, p ← p − rate·m.
 *
 * @param weightDecay added to the gradient of the parameters whose spec says `decay`
 */
export const sgd = (momentum: number, weightDecay: number): Rule => ({
  moments: ['momentum'],
  update(_, { parameter, gradient, moments, decay }, rate, scale) {
    const [m] = moments as [Slot];
    const pull = decay ? weightDecay : 0;
    for (let i = 0; i < parameter.data.length; i++) {
      const p = parameter.data[i] as number;
      const step = momentum * (m.data[i] as number) + scale * (gradient.data[i] as number) + pull * p;
      m.data[i] = step;
      parameter.data[i] = p - rate * step;
    }
  },
});
