import type {
  Conv2d,
  Conv2dGradInput,
  Linear,
  LinearGradInput,
  Op,
  ValueId,
  Window,
} from '../../../graph/op.ts';
import { PANEL_WIDTH, TILE_DEPTH } from '../constants.ts';
import type { BufferId, Size, Vector } from '../records.ts';
import { dropoutFields, type LoweringContext, MAX_CHUNKS, rowChunksOf, windowFields } from './context.ts';
import { epilogue } from './epilogue.ts';
import { forwardStrips, gradInputStrips, pointwiseStrips } from './strips.ts';
import { isWinograd, lowerWinograd, lowerWinogradGradInput } from './winograd.ts';

const POINT: Window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

/** A linear layer is a 1×1 convolution of a 1×1 map. */
export function windowOf(op: Op): Window {
  return 'kernel' in op ? op : POINT;
}

export function lowerConv2d(ctx: LoweringContext, op: Conv2d | Linear): void {
  const [y] = op.outputs as [ValueId];
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const dropout = 'dropout' in op ? op.dropout : undefined;
  const statistics = ctx.wantsStatistics.has(y);
  if (op.kind === 'conv2d' && isWinograd(ctx, window, size, out)) return lowerWinograd(ctx, op, dropout);
  const prologue = ctx.prologue(op, op.prologue);
  const x = ctx.view(op.x);
  const { packed, bias, relu } = epilogue(ctx, op, (scale) =>
    packWeights(ctx, op, window, size, out, { scale, elementBytes: x.elementBytes }),
  );
  if (isPointwise(window) && !dropout && !statistics) {
    const { floats, ...cut } = pointwiseStrips(size, out, x.elementBytes);
    ctx.needScratch(floats);
    return ctx.emit(op, {
      kind: 'pointwise',
      ...cut,
      x,
      prologue,
      packed,
      bias,
      relu,
      y: ctx.view(y),
      inChannels: size.channels,
      outChannels: out.channels,
    });
  }
  const rowChunks = statistics ? undefined : rowChunksOf(ctx, y);
  const cut = statistics ? { leaves: ctx.leavesOf(size) } : { rowChunks };
  const strips = forwardStrips(window, size, out, x.elementBytes, cut, ctx.ofAllRanks(size).images);
  const { floats, ...fields } = strips;
  ctx.needScratch(floats);
  ctx.emit(op, {
    kind: 'conv2d',
    x,
    in: size,
    prologue,
    window: windowFields(window),
    packed,
    bias,
    relu,
    dropout: dropoutFields(dropout),
    y: ctx.view(y),
    out,
    statistics: ctx.statisticsOf(op, y),
    ...fields,
  });
}

function isPointwise({ kernel, stride, padding }: Window): boolean {
  return [...kernel, ...stride].every((n) => n === 1) && padding.every((n) => n === 0);
}

export function lowerConv2dGradInput(ctx: LoweringContext, op: Conv2dGradInput | LinearGradInput): void {
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  if (op.kind === 'conv2dGradInput' && isWinograd(ctx, window, size, out))
    return lowerWinogradGradInput(ctx, op);
  const prologue = ctx.prologue(op, op.prologue);
  const gradOutput = ctx.gradOutput(op, op.gradOutput);
  const { elementBytes } = gradOutput.gradient;
  const leaves = op.prologue?.batchNorm ? ctx.leavesOf(size) : undefined;
  const { images } = ctx.ofAllRanks(size);
  const { floats, ...strips } = gradInputStrips(window, size, out, elementBytes, leaves, images);
  const packed = packWeights(ctx, op, window, size, out, { transposed: true, elementBytes });
  const gradInput = ctx.gradInput(op);
  ctx.needScratch(floats);
  ctx.emit(op, {
    kind: 'conv2dGradInput',
    gradOutput,
    out,
    window: windowFields(window),
    packed,
    x: ctx.view(op.x),
    in: size,
    prologue,
    gradInput,
    ...strips,
  });
  ctx.finalizeGradSums(op, gradInput.sums);
}

export function weightFields(window: Window, size: Size, out: Size) {
  return {
    outChannels: out.channels,
    inChannels: size.channels,
    kernelHeight: window.kernel[0],
    kernelWidth: window.kernel[1],
  };
}

/** How weights are packed. */
interface Packing {
  /** For the gradient of the input. */
  readonly transposed?: boolean;
  readonly scale?: BufferId | undefined;
  /**
   * Element size of the maps that are multiplied with the weights. With 2, kernels may pack bfloat16 pairs
   * (kernels/conv/operand.h).
   */
  readonly elementBytes: number;
}

export function packWeights(
  ctx: LoweringContext,
  op: Op & { readonly weight: ValueId },
  window: Window,
  size: Size,
  out: Size,
  { transposed = false, scale, elementBytes }: Packing,
): BufferId {
  const [outputs, depth] = transposed ? [size.channels, out.channels] : [out.channels, size.channels];
  const panels = Math.ceil(outputs / PANEL_WIDTH) * PANEL_WIDTH;
  const name = transposed ? 'transposed weights' : 'weights';
  // bfloat16 weights take half the space, and padding to tiles at most doubles that: it pads each tap of a filter or,
  // with few channels, each of its rows.
  const rowFloats = window.kernel[1] * depth;
  const floats =
    panels * window.kernel[0] * (elementBytes === 2 ? Math.max(rowFloats, TILE_DEPTH / 2) : rowFloats);
  const packed = ctx.temporary(op, `packed ${name}`, 'packedWeights', floats);
  const weight: Vector = ctx.vector(op.weight);
  const fields = weightFields(window, size, out);
  ctx.emitOnce(op, [op.weight], [packed], {
    kind: 'packWeights',
    chunks: Math.min(MAX_CHUNKS, depth),
    weight,
    scale,
    packed,
    ...fields,
    transposed: transposed ? 1 : 0,
    elementBytes,
  });
  return packed;
}
