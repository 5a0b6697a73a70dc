import type { Cost } from '../../plan/target.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import { WINOGRAD_POSITIONS, WINOGRAD_TILE } from './constants.ts';
import type {
  GradInputFields,
  GradOutputFields,
  KernelRecord,
  PrologueFields,
  Size,
  View,
  WindowFields,
} from './records.ts';

/**
 * The minimum work of a record, for any kernel: profiles compare it with the measured time.
 *
 * `flops`: those of the op itself, 2 per multiply-add, as kernels execute them: every tap of every window, including
 * taps on padding (or, in a transposed convolution, between strides), except for small maps, whose kernel skips the
 * padding; without padding channels. Work fused into a convolution or a pooling (prologue, masks, statistics, sums)
 * is not counted.
 *
 * `bytes`: memory traffic if each feature map, gradient and weight is moved once; `accumulate` also reads its output.
 * Vectors over channels count only where nothing larger is moved.
 */
export function costOf(record: KernelRecord): Cost {
  switch (record.kind) {
    case 'packWeights':
      return { flops: 0, bytes: 2 * floats(record.outChannels * record.inChannels * taps(record)) };
    case 'coefficients':
      return { flops: 5 * record.channels, bytes: floats(6 * record.channels) };
    case 'conv2d': {
      const { in: size, out, window } = record;
      return {
        flops: 2 * out.channels * multiplyAdds(window, out, record.stripImages > 1) * size.channels,
        bytes: map(size, record.x) + weights(record) + map(out, record.y),
      };
    }
    case 'pointwise': {
      const { pixels, inChannels, outChannels, x, y } = record;
      return {
        flops: 2 * pixels * inChannels * outChannels,
        bytes:
          pixels * (inChannels * x.elementBytes + outChannels * y.elementBytes) +
          floats(inChannels * outChannels),
      };
    }
    case 'winogradWeights': {
      const weights = record.outChannels * record.inChannels;
      return { flops: 0, bytes: floats(weights * (9 + WINOGRAD_POSITIONS)) };
    }
    // Products of the transformed tiles; the transforms themselves are not counted.
    case 'winograd': {
      const { in: size, outChannels: channels, x, y } = record;
      const products = winogradProducts(size, channels);
      return { ...products, bytes: products.bytes + map(size, x) + map({ ...size, channels }, y) };
    }
    case 'winogradGradInput': {
      const { in: size, outChannels: channels } = record;
      const products = winogradProducts(size, channels);
      const bytes = gradOutput(record.gradOutput, { ...size, channels }) + gradInput(record);
      return { ...products, bytes: products.bytes + bytes };
    }
    case 'conv2dGradInput': {
      const { in: size, out, window } = record;
      return {
        flops: 2 * size.channels * multiplyAdds(window, size, record.stripImages > 1) * out.channels,
        bytes: gradOutput(record.gradOutput, out) + weights(record) + gradInput(record),
      };
    }
    case 'conv2dGradWeight': {
      const { in: size, out, window } = record;
      // Only the gradient itself is counted, written once: partial sums are internal to the kernel.
      return {
        flops: 2 * out.channels * multiplyAdds(window, out, record.algorithm === 'images') * size.channels,
        bytes: gradOutput(record.gradOutput, out) + map(size, record.x) + weights(record),
      };
    }
    case 'reduceGradWeight': {
      const sums = (taps(record) * record.inChannels + 1) * record.outChannels;
      const moved = record.partialCount + (record.accumulate ? 2 : 1);
      return { flops: sums * record.partialCount, bytes: floats(sums * moved) };
    }
    // The ten rounds of the random number generator per element are not floating-point operations.
    case 'dropout': {
      const { size, accumulate } = record;
      return {
        flops: elements(size) * (accumulate ? 2 : 1),
        bytes: gradOutput(record.x, size) + map(size, record.y) * (accumulate ? 2 : 1),
      };
    }
    case 'elementwise': {
      const { size, accumulate } = record;
      return {
        flops: elements(size) * (affine(record.prologue) + (accumulate ? 1 : 0)),
        bytes: map(size, record.y) * (accumulate ? 3 : 2),
      };
    }
    case 'elementwiseGradInput': {
      const { size, prologue } = record;
      const flops = elements(size) * 2 * affine(prologue);
      return {
        flops,
        bytes: gradOutput(record.gradOutput, size) + gradInput({ ...record, in: size }),
      };
    }
    case 'maxPool':
      return {
        flops: elements(record.out) * taps(record.window),
        bytes: map(record.in, record.x) + map(record.out, record.y) + elements(record.out),
      };
    case 'conv2dMaxPool': {
      const { in: size, out, window, pooled } = record;
      return {
        flops: 2 * elements(out) * taps(window) * size.channels + elements(pooled) * taps(record.pool),
        bytes: map(size, record.x) + weights(record) + map(pooled, record.m) + elements(pooled),
      };
    }
    case 'conv2dMaxPoolGradWeight': {
      const { in: size, out, window, pooled, slope } = record;
      // The map is recomputed if its statistics have a gradient.
      const convolutions = slope === undefined ? 1 : 2;
      return {
        flops: convolutions * 2 * elements(out) * taps(window) * size.channels,
        bytes:
          map(size, record.x) + map(pooled, record.gradM) + elements(pooled) + convolutions * weights(record),
      };
    }
    case 'avgPool':
      return {
        flops: elements(record.out) * (taps(record.window) + 1),
        bytes: map(record.in, record.x) + map(record.out, record.y),
      };
    case 'maxPoolGradInput':
      return {
        flops: 2 * elements(record.out) * taps(record.window),
        bytes: gradOutput(record.gradOutput, record.out) + elements(record.out) + gradInput(record),
      };
    case 'avgPoolGradInput':
      return {
        flops: 2 * elements(record.out) * taps(record.window),
        bytes: gradOutput(record.gradOutput, record.out) + gradInput(record),
      };
    case 'statistics':
      return { flops: 4 * elements(record.size), bytes: map(record.size, record.x) };
    case 'finalizeStatistics': {
      const { channels } = record.size;
      return {
        flops: 11 * channels * record.partialCount,
        bytes: floats(2 * channels * (record.partialCount + 1)),
      };
    }
    case 'finalizeGradSums': {
      const { channels, partialCount } = record;
      return { flops: channels * (2 * partialCount + 10), bytes: floats(channels * (2 * partialCount + 6)) };
    }
    case 'finalizeCorrection': {
      const { channels } = record.size;
      return { flops: 5 * channels, bytes: floats(5 * channels) };
    }
    case 'flatten':
      return { flops: 0, bytes: map(record.size, record.x) + map(record.size, record.y) };
    case 'flattenGradInput': {
      const { size, accumulate } = record;
      const flops = accumulate ? elements(size) : 0;
      return {
        flops,
        bytes: gradOutput(record.gradOutput, size) + map(size, record.gradient) * (accumulate ? 2 : 1),
      };
    }
    // An exponential or a logarithm counts as one operation.
    case 'crossEntropy':
      return {
        flops: 4 * elements(record.size),
        bytes: map(record.size, record.logits) + floats(numbersOfImages(record)),
      };
    case 'finalizeLoss':
      return { flops: 2 * record.leaves, bytes: floats(2 * record.leaves + 2) };
    case 'crossEntropyGrad':
      return {
        flops: 7 * elements(record.size),
        bytes:
          map(record.size, record.logits) * (record.accumulate ? 3 : 2) + floats(numbersOfImages(record)),
      };
    case 'updateRunningStatistics':
      return { flops: 7 * record.channels, bytes: floats(6 * record.channels) };
    case 'sumSquares':
      return { flops: 2 * count(record.tensors), bytes: floats(count(record.tensors)) };
    case 'clipScale':
      return { flops: record.partialCount + 3, bytes: floats(record.partialCount + 2) };
    case 'sgd': {
      // Clipping, decay and momentum add one operation each; momentum also reads and writes a velocity.
      const { tensors, scale, momentum, nesterov } = record;
      const decayed = count(tensors.filter(({ weightDecay }) => weightDecay > 0));
      const each = 2 + (scale === undefined ? 0 : 1) + (momentum > 0 ? 2 : 0) + 2 * nesterov;
      return {
        flops: each * count(tensors) + 2 * decayed,
        bytes: floats((momentum > 0 ? 5 : 3) * count(tensors)),
      };
    }
    case 'adamw': {
      const each = 13 + (record.scale === undefined ? 0 : 1);
      return { flops: each * count(record.tensors), bytes: floats(7 * count(record.tensors)) };
    }
    case 'movingAverage':
      return { flops: 3 * count(record.tensors), bytes: floats(3 * count(record.tensors)) };
    // Memory traffic of this machine only; the network transfer is not counted.
    case 'gather':
    case 'treeSum':
      return { flops: 0, bytes: floats(2 * record.floats) };
    case 'storeGradients':
      return { flops: 0, bytes: floats(2 * count(record.tensors)) };
    default:
      return assertNever(record);
  }
}

/** Multiply-adds per pair of input and output channel: pixels × taps; for small maps without taps on padding. */
function multiplyAdds(window: WindowFields, map: Size, isSmall: boolean): number {
  const { images, height, width } = map;
  if (!isSmall) return images * height * width * taps(window);
  // Along an axis of n pixels a kernel of k, half of it on either side, has n·k taps less those beyond the ends.
  const inside = (n: number, k: number) =>
    Array.from({ length: n }, (_, i) => Math.min(n, i + (k + 1) / 2) - Math.max(0, i - (k - 1) / 2)).reduce(
      (sum, each) => sum + each,
      0,
    );
  return images * inside(height, window.kernelHeight) * inside(width, window.kernelWidth);
}

/** Multiply-adds of transformed tiles, one per position and pair of channels, and the bytes of their weights. */
function winogradProducts({ images, height, width, channels }: Size, outChannels: number): Cost {
  const products = WINOGRAD_POSITIONS * channels * outChannels;
  const tiles = images * Math.ceil(height / WINOGRAD_TILE) * Math.ceil(width / WINOGRAD_TILE);
  return { flops: 2 * tiles * products, bytes: floats(products) };
}

function count(tensors: readonly { readonly count: number }[]): number {
  return tensors.reduce((sum, each) => sum + each.count, 0);
}

function floats(count: number): number {
  return 4 * count;
}

function elements({ images, height, width, channels }: Size): number {
  return images * height * width * channels;
}

/** Bytes of the channels in a view of a map. */
function map(size: Size, { elementBytes }: View): number {
  return elementBytes * elements(size);
}

/** Labels and, if present, weights of a loss. */
function numbersOfImages({
  size,
  imageWeights,
}: Extract<KernelRecord, { kind: 'crossEntropy' | 'crossEntropyGrad' }>): number {
  return size.images * (imageWeights === undefined ? 1 : 2);
}

function taps({ kernelHeight, kernelWidth }: Pick<WindowFields, 'kernelHeight' | 'kernelWidth'>): number {
  return kernelHeight * kernelWidth;
}

function weights(record: { readonly window: WindowFields; readonly in: Size; readonly out: Size }): number {
  return floats(taps(record.window) * record.in.channels * record.out.channels);
}

/** Operations per element. */
function affine({ scale }: PrologueFields): number {
  return scale === undefined ? 0 : 2;
}

/** Reads the gradient, and the feature itself if there is a correction. */
function gradOutput({ gradient, slope }: GradOutputFields, out: Size): number {
  return map(out, gradient) * (slope === undefined ? 1 : 2);
}

/** Writes (or accumulates) the gradient, and reads the input if its mask or sums are needed. */
function gradInput(record: {
  readonly in: Size;
  readonly prologue: PrologueFields;
  readonly gradInput: GradInputFields;
}): number {
  const { accumulate, sums, gradient } = record.gradInput;
  const readsInput = record.prologue.relu || sums !== undefined;
  return map(record.in, gradient) * ((accumulate ? 2 : 1) + (readsInput ? 1 : 0));
}
