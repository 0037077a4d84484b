import type { Family } from './lowering.js';

/** Kernels of our own (`ops.ts` has their composed form for other backends), each one ONNX operator. */
export const fused: Family = {
  /** x [..., n], gamma [n], beta [n] → normalised [..., n], mean [..., 1], inverse deviation [..., 1]. */
  RecipeLayerNorm: ({ g, input, attrs }) => {
    const x = input('x');
    const one = [...x.shape.slice(0, -1), 1];
    return g.emitMany(
      'LayerNormalization',
      [x, input('gamma'), input('beta')],
      [x, { dtype: 'float32', shape: one }, { dtype: 'float32', shape: one }],
      { axis: -1, epsilon: attrs.epsilon as number },
    );
  },
  RecipeGelu: ({ g, input }) => g.unary('Gelu', input('x')),
};
