import type { Conv2dGradWeight, LinearGradWeight, Op, ValueId, Window } from '../../../graph/op.ts';
import type { Size } from '../../../plan/buffers.ts';
import { TILE_CHANNELS, TILE_DEPTH, TILE_PIXELS } from '../constants.ts';
import type { RecordOf } from '../records.ts';
import type { LoweringContext } from './context.ts';
import { windowOf } from './conv2d.ts';
import { ABSENT, paddedChannels, pixelsOf, whole, windowFields } from './fields.ts';

/** Workgroups that keep a large GPU busy. */
const ENOUGH_WORKGROUPS = 512;
/** Maximum bytes of a layer's partials. */
const MOST_PARTIAL_BYTES = 8 * 2 ** 20;
/** Minimum pixels of a split; with fewer, the partials would dominate the cost. */
const LEAST_SPLIT_PIXELS = 512;

type GradWeightOp = Op & { readonly weight: ValueId };

export function lowerConv2dGradWeight(ctx: LoweringContext, op: Conv2dGradWeight | LinearGradWeight): void {
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const fields = {
    x: ctx.view(op.x),
    ...ctx.prologue(op, op.prologue),
    ...ctx.gradOutput(op, op.gradOutput),
  };
  emitGradWeight(ctx, op, windowOf(op), [{ ...fields, size, out }]);
}

/** A slice of a batch's images. */
type GradWeightSlice = Pick<
  RecordOf<'conv2dGradWeight'>,
  'x' | 'scale' | 'shift' | 'relu' | 'gradOutput' | 'feature' | 'slope' | 'intercept'
> & { readonly size: Size; readonly out: Size; readonly before?: () => void };

/** The weight gradient of slices of a batch, each with the records that have to run before it. */
export function emitGradWeight(
  ctx: LoweringContext,
  op: GradWeightOp,
  window: Window,
  slices: readonly GradWeightSlice[],
): void {
  const [{ size, out }] = slices as [GradWeightSlice];
  const taps = window.kernel[0] * window.kernel[1];
  const perTap = paddedChannels(size.channels);
  const hasBias = op.outputs.length > 1;
  const rows = taps * perTap + (hasBias ? 4 : 0);
  const partialStride = paddedChannels(out.channels);
  const tiles = Math.ceil(rows / TILE_PIXELS);
  const panels = Math.ceil(out.channels / TILE_CHANNELS);
  const all = slices.map((slice) => {
    const pixels = pixelsOf(slice.out);
    const most = Math.min(
      Math.ceil(ENOUGH_WORKGROUPS / (tiles * panels * slices.length)),
      Math.floor(MOST_PARTIAL_BYTES / (4 * rows * partialStride * slices.length)),
      Math.ceil(pixels / LEAST_SPLIT_PIXELS),
    );
    // Whole blocks.
    const splitPixels = Math.ceil(pixels / Math.max(1, most) / TILE_DEPTH) * TILE_DEPTH;
    return { slice, pixels, splitPixels, splits: Math.ceil(pixels / splitPixels) };
  });
  const splits = all.reduce((sum, each) => sum + each.splits, 0);
  const buffer = ctx.temporary(op, 'weight gradient partials', 'partialSums', splits * rows * partialStride);
  let done = 0;
  for (const { slice, pixels, splitPixels, splits: own } of all) {
    const { size: part, out: outPart, before, ...fields } = slice;
    before?.();
    ctx.emit(op, {
      kind: 'conv2dGradWeight',
      ...fields,
      tiles: tiles * own,
      panels,
      blocks: splitPixels / TILE_DEPTH,
      perTap,
      taps,
      hasBias,
      partials: { address: buffer, offset: done * rows * partialStride },
      partialStride,
      rows,
      splits: own,
      splitPixels,
      ...windowFields(window),
      height: part.height,
      width: part.width,
      inChannels: part.channels,
      outWidth: outPart.width,
      outPixels: outPart.height * outPart.width,
      pixels,
      outChannels: outPart.channels,
    });
    done += own;
  }
  const [gradWeight, gradBias] = op.outputs.map((id) => ctx.vector(id));
  const accumulate = op.outputs.reduce(
    (bits, _, i) => bits | (op.accumulate?.[i] === undefined ? 0 : 1 << i),
    0,
  );
  ctx.reduceGradWeight(op, {
    partials: whole(buffer),
    gradWeight: gradWeight!,
    gradBias: gradBias ?? ABSENT,
    first: 0,
    splits,
    rows,
    partialStride,
    outChannels: out.channels,
    inChannels: size.channels,
    taps,
    perTap,
    accumulate,
  });
}
