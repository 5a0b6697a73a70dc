import type { Cost } from '../../plan/target.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import type { GpuRecord, View } from './records.ts';

/**
 * The minimum work of a record: the operations of the op itself, 2 per multiply-add; and the memory traffic if each map,
 * gradient and weight is moved once.
 */
export function costOf(record: GpuRecord): Cost {
  switch (record.kind) {
    case 'packWeights':
      return { flops: 0, bytes: 8 * record.total };
    case 'conv2d': {
      const { pixels, taps, inChannels, outChannels, x, y } = record;
      const weights = taps * inChannels * outChannels;
      return {
        flops: 2 * pixels * weights,
        bytes: inputBytes(record, x) + map(pixels, outChannels, y) + 4 * weights,
      };
    }
    case 'conv2dGradInput': {
      const {
        pixels,
        taps,
        inChannels,
        outChannels,
        gradOutput,
        gradient,
        accumulate,
        relu,
        sums,
        inPixels,
      } = record;
      const weights = taps * inChannels * outChannels;
      const outputs = (pixels / inPixels) * record.outHeight * record.outWidth;
      const moved = (accumulate ? 2 : 1) + (relu || sums.address !== undefined ? 1 : 0);
      const read = map(outputs, outChannels, gradOutput) * (record.slope.address === undefined ? 1 : 2);
      return {
        flops: 2 * outputs * weights,
        bytes: read + moved * map(pixels, inChannels, gradient) + 4 * weights,
      };
    }
    case 'conv2dGradWeight': {
      const { pixels, taps, inChannels, outChannels, gradOutput, x } = record;
      const weights = taps * inChannels * outChannels;
      const read = map(pixels, outChannels, gradOutput) * (record.slope.address === undefined ? 1 : 2);
      return { flops: 2 * pixels * weights, bytes: inputBytes(record, x) + read + 4 * weights };
    }
    case 'reduceGradWeight':
      return record.entries.reduce(
        ({ flops, bytes }, { splits, rows, partialStride }) => ({
          flops: flops + splits * rows * partialStride,
          bytes: bytes + 4 * (splits + 1) * rows * partialStride,
        }),
        { flops: 0, bytes: 0 },
      );
    case 'elementwise':
      return elementwise(
        record.pixels * record.channels,
        2,
        (record.accumulate ? 3 : 2) * record.y.elementBytes,
      );
    case 'dropout':
      return elementwise(
        record.pixels * record.channels,
        2,
        (record.accumulate ? 3 : 2) * record.y.elementBytes,
      );
    case 'pool': {
      const { pixels, channels, x, y, kernelHeight, kernelWidth, outPixels, height, width } = record;
      const inputs = (pixels / outPixels) * height * width;
      return {
        flops: pixels * channels * kernelHeight * kernelWidth,
        bytes: map(inputs, channels, x) + map(pixels, channels, y),
      };
    }
    case 'mapGradInput': {
      const { pixels, channels, gradOutput, gradient, inPixels, outHeight, outWidth } = record;
      const outputs = (pixels / inPixels) * outHeight * outWidth;
      const moved = (record.accumulate ? 2 : 1) + (record.relu || record.sums.address !== undefined ? 1 : 0);
      return {
        flops: 4 * pixels * channels,
        bytes: map(outputs, channels, gradOutput) + moved * map(pixels, channels, gradient),
      };
    }
    case 'statistics':
      return elementwise(record.pixels * record.channels, 4, record.x.elementBytes);
    case 'finalizeStatistics':
      return elementwise(record.partialCount * record.channels, 11, 8);
    case 'finalizeGradSums':
      return elementwise(record.partialCount * record.channels, 2, 8);
    case 'finalizeCorrection':
      return elementwise(record.channels, 5, 20);
    case 'flatten':
      return elementwise(record.total, 0, record.x.elementBytes + 4);
    case 'flattenGradInput':
      return elementwise(record.total, 1, record.gradient.elementBytes + 4);
    case 'crossEntropy':
      return record.gradLogits.address === undefined
        ? elementwise(record.images * record.classes, 4, 4)
        : elementwise(record.images * record.classes, 8, 8);
    case 'updateRunningStatistics':
      return elementwise(record.total, 7, 24);
    case 'sumSquares':
      return elementwise(
        record.entries.reduce((sum, { count }) => sum + count, 0),
        2,
        4,
      );
    case 'clipScale':
      return elementwise(record.partialCount, 1, 4);
    case 'sgd':
      return elementwise(record.total, 6, record.entries[0]?.velocity.address === undefined ? 12 : 20);
    case 'adamw':
      return elementwise(record.total, 14, 28);
    case 'movingAverage':
      return elementwise(record.total, 3, 12);
    default:
      return assertNever(record);
  }
}

function elementwise(elements: number, flops: number, bytes: number): Cost {
  return { flops: flops * elements, bytes: bytes * elements };
}

function map(pixels: number, channels: number, { elementBytes }: View): number {
  return pixels * channels * elementBytes;
}

/** Bytes of a convolution's input. */
function inputBytes(
  record: {
    readonly pixels: number;
    readonly outPixels: number;
    readonly height: number;
    readonly width: number;
    readonly inChannels: number;
  },
  x: View,
): number {
  const { pixels, outPixels, height, width, inChannels } = record;
  return map((pixels / outPixels) * height * width, inChannels, x);
}
