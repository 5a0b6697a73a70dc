import type {
  Conv2d,
  Conv2dGradInput,
  Linear,
  LinearGradInput,
  Op,
  ValueId,
  Window,
} from '../../../graph/op.ts';
import type { BufferId, Size, Vector } from '../../../plan/buffers.ts';
import { TILE_CHANNELS } from '../constants.ts';
import type { RecordOf } from '../records.ts';
import type { LoweringContext } from './context.ts';
import { ABSENT, dropoutFields, pixelsOf, productFields, tilesOf, whole, windowFields } from './fields.ts';

const POINT: Window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

/** A linear layer is a 1×1 convolution of a 1×1 map. */
export function windowOf(op: Op): Window {
  return 'kernel' in op ? op : POINT;
}

/** Packed weights, bias and ReLU of a convolution, with the batch norm that follows folded in. */
export function epilogue(
  ctx: LoweringContext,
  op: Op & { readonly weight: ValueId; readonly bias?: ValueId },
  pack: (scale?: BufferId) => Vector,
): { readonly packed: Vector; readonly bias: Vector; readonly outRelu: boolean } {
  const after = 'epilogue' in op ? op.epilogue : undefined;
  const outRelu = after?.relu === true;
  if (!after?.batchNorm) {
    return { packed: pack(), bias: op.bias === undefined ? ABSENT : ctx.vector(op.bias), outRelu };
  }
  const { scale, shift } = ctx.coefficients(op, after.batchNorm, op.bias);
  return { packed: pack(scale), bias: whole(shift), outRelu };
}

/** The fields of a convolution's record, except the output. */
export function conv2dFields(
  ctx: LoweringContext,
  op: Conv2d | Linear | Extract<Op, { kind: 'conv2dMaxPool' | 'conv2dMaxPoolGradWeight' }>,
  window: Window,
  { size, out }: { readonly size: Size; readonly out: Size },
) {
  const x = ctx.view(op.x);
  const prologue = ctx.prologue(op, op.prologue);
  const weights = epilogue(ctx, op, (scale) =>
    ctx.packWeights(op, window, { size, out }, { transposed: false, scale }),
  );
  return {
    kind: 'conv2d',
    x,
    ...prologue,
    tiles: tilesOf(pixelsOf(out)),
    panels: Math.ceil(out.channels / TILE_CHANNELS),
    ...productFields(window, size.channels),
    ...weights,
    ...windowFields(window),
    height: size.height,
    width: size.width,
    inChannels: size.channels,
    outWidth: out.width,
    outPixels: out.height * out.width,
    pixels: pixelsOf(out),
    outChannels: out.channels,
  } as const;
}

export function lowerConv2d(ctx: LoweringContext, op: Conv2d | Linear): void {
  const [y] = op.outputs as [ValueId];
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const record: RecordOf<'conv2d'> = {
    ...conv2dFields(ctx, op, windowOf(op), { size, out }),
    ...dropoutFields('dropout' in op ? op.dropout : undefined),
    y: ctx.view(y),
    ...ctx.partialsOf(op, y),
  };
  ctx.emit(op, record);
}

export function lowerConv2dGradInput(ctx: LoweringContext, op: Conv2dGradInput | LinearGradInput): void {
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const prologue = ctx.prologue(op, op.prologue);
  const gradOutput = ctx.gradOutput(op, op.gradOutput);
  const packed = ctx.packWeights(op, window, { size, out }, { transposed: true });
  const gradInput = ctx.gradInput(op);
  ctx.emit(op, {
    kind: 'conv2dGradInput',
    ...gradOutput,
    tiles: tilesOf(pixelsOf(size)),
    panels: Math.ceil(size.channels / TILE_CHANNELS),
    ...productFields(window, out.channels),
    packed,
    ...prologue,
    ...gradInput,
    ...windowFields(window),
    strided: window.stride.some((step) => step > 1),
    width: size.width,
    inPixels: size.height * size.width,
    pixels: pixelsOf(size),
    inChannels: size.channels,
    outHeight: out.height,
    outWidth: out.width,
    outChannels: out.channels,
  });
  ctx.finalizeGradSums(op, gradInput.sums);
}
