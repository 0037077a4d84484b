import { type Tensor, tf } from './tf.js';

/**
 * tfjs multiplies a sum's gradient by an array of ones as large as what was summed, and writes that out first: of a loss
 * over hidden states, most of what a recording took. Repeating it gives the same numbers. Loading this file installs it.
 */
tf.unregisterGradient('Sum');
tf.registerGradient({
  kernelName: 'Sum',
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => ({
    x: () => {
      const { shape } = x as Tensor;
      const axes = tf.util.parseAxisParam(attrs.axis as unknown as number | number[], [...shape]);
      const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      return tf.broadcastTo(tf.reshape(dy as Tensor, kept), [...shape] as [number]);
    },
  }),
});
