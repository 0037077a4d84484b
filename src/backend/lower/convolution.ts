import { tf } from '../tf.js';
import type { Family } from './lowering.js';

/** Convolutions: channels last here, first in ONNX. */
export const convolution: Family = {
  Conv2D: ({ g, input, attrs }) => {
    const [x, filter] = [input('x'), input('filter')];
    if ((attrs.dataFormat ?? 'NHWC') !== 'NHWC')
      throw new Error('a convolution with channels first cannot be recorded');
    const info = tf.backend_util.computeConv2DInfo(
      [...x.shape] as [number, number, number, number],
      [...filter.shape] as [number, number, number, number],
      attrs.strides as number | [number, number],
      (attrs.dilations ?? 1) as number | [number, number],
      attrs.pad as 'same' | 'valid' | number,
      attrs.dimRoundingMode as 'floor' | 'round' | 'ceil' | undefined,
      false,
      'channelsLast',
    );
    const { inChannels, outChannels, outShape, strideHeight, strideWidth } = info;
    const isPointwise = info.filterHeight * info.filterWidth * strideHeight * strideWidth === 1;
    const { top, left, bottom, right } = info.padInfo;
    if (isPointwise && top + left + bottom + right === 0) {
      // A product of matrices, at which ORT is fastest.
      const rows = info.batchSize * info.inHeight * info.inWidth;
      const matrices = [g.reshape(x, [rows, inChannels]), g.reshape(filter, [inChannels, outChannels])];
      return g.reshape(g.emit('MatMul', matrices, { dtype: x.dtype, shape: [rows, outChannels] }), outShape);
    }
    const [batch, height, width, channels] = outShape as [number, number, number, number];
    const made = g.emit(
      'Conv',
      [g.transpose(x, [0, 3, 1, 2]), g.transpose(filter, [3, 2, 0, 1])],
      { dtype: x.dtype, shape: [batch, channels, height, width] },
      {
        pads: [top, left, bottom, right],
        strides: [strideHeight, strideWidth],
        dilations: [info.dilationHeight, info.dilationWidth],
      },
    );
    return g.transpose(made, [0, 2, 3, 1]);
  },
};
