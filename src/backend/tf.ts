/**
 * The one place that imports tfjs. It must be the whole package: tfjs-core's own Node entry has neither gradients nor
 * chained methods, and a second copy would have a second engine.
 */
import tf from '@tensorflow/tfjs';

export { tf };
export type Tensor = tf.Tensor;
export type Shape = readonly number[];
