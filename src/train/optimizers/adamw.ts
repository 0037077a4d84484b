import type { Slot } from '../memory.js';
import type { Rule } from '../optimizer.js';

/** PyTorch's defaults. */
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/**
 * AdamW, the same arithmetic as `torch.optim.AdamW`.
 *
 * @param weightDecay decoupled (Loshchilov & Hutter 2017, arXiv:1711.05101), on the parameters whose spec says `decay`
 */
export const adamw = (weightDecay: number): Rule => ({
  moments: ['first', 'second'],
  update(kernels, { parameter, gradient, moments, decay, updates }, rate, scale) {
    const [first, second] = moments as [Slot, Slot];
    kernels.adamw(
      parameter.padded,
      parameter.address,
      gradient.address,
      first.address,
      second.address,
      BETA1,
      BETA2,
      rate / (1 - BETA1 ** updates),
      1 / Math.sqrt(1 - BETA2 ** updates),
      EPSILON,
      decay ? 1 - rate * weightDecay : 1,
      scale,
    );
  },
});
