import type { Family } from './lowering.js';

/** Kernels of our own (`ops.ts` has their composed form for other backends), each one ONNX operator. */
export const fused: Family = {
  /** x [..., n], gamma [n], beta [n] → [..., n] */
  RecipeLayerNorm: ({ g, input, attrs }) => {
    const x = input('x');
    const attributes = { axis: -1, epsilon: attrs.epsilon as number };
    return g.emit('LayerNormalization', [x, input('gamma'), input('beta')], x, attributes);
  },
  RecipeGelu: ({ g, input }) => g.unary('Gelu', input('x')),
};
