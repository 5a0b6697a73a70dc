import type { Conv2dMaxPool, Conv2dMaxPoolGradWeight, ValueId } from '../../../graph/op.ts';
import type { Size, Vector, View } from '../../../plan/buffers.ts';
import type { LoweringContext } from './context.ts';
import { conv2dFields } from './conv2d.ts';
import {
  ABSENT,
  ABSENT_VIEW,
  dropoutFields,
  paddedChannels,
  pixelsOf,
  tileFields,
  tilesOf,
  whole,
  windowFields,
} from './fields.ts';
import { emitGradWeight } from './grad-weight.ts';

/**
 * Maximum bytes of the stem's map in memory at a time: the map is computed, and in the backward pass recomputed,
 * in slices of whole images, and never stored as a whole.
 */
const SLICE_BYTES = 96 * 2 ** 20;

interface Slice {
  readonly first: number;
  readonly images: number;
}

function slicesOf(out: Size): readonly Slice[] {
  const imageBytes = 4 * out.height * out.width * paddedChannels(out.channels);
  const most = Math.max(1, Math.floor(SLICE_BYTES / imageBytes));
  const count = Math.ceil(out.images / most);
  const each = Math.ceil(out.images / count);
  return Array.from({ length: count }, (_, i) => ({
    first: i * each,
    images: Math.min(each, out.images - i * each),
  })).filter(({ images }) => images > 0);
}

/** The view of a slice's images. */
function imagesOf(view: View, { first }: Slice, { height, width }: Size): View {
  return { ...view, offset: view.offset + first * height * width * view.stride };
}

/** A map of a slice's images that lives in a temporary buffer, as float32. */
function sliceView(
  ctx: LoweringContext,
  op: Conv2dMaxPool | Conv2dMaxPoolGradWeight,
  out: Size,
  images: number,
): View {
  const stride = paddedChannels(out.channels);
  const floats = images * out.height * out.width * stride;
  const role = op.kind === 'conv2dMaxPool' ? 'featureMap' : 'gradient';
  return {
    address: ctx.temporary(op, 'map of some images', role, floats),
    offset: 0,
    stride,
    elementBytes: 4,
  };
}

export function lowerConv2dMaxPool(ctx: LoweringContext, op: Conv2dMaxPool): void {
  const [y, m, index] = op.outputs as [ValueId, ValueId, ValueId];
  const [size, out, pooled] = [ctx.size(op.x), ctx.size(y), ctx.size(m)];
  const slices = slicesOf(out);
  const fields = conv2dFields(ctx, op, op, { size, out });
  const map = sliceView(ctx, op, out, slices[0]!.images);
  const slicePixels = slices[0]!.images * out.height * out.width;
  const partials = ctx.wantsStatistics.has(y) ? ctx.statisticsPartials(op, y, slicePixels) : undefined;
  const partialStride = paddedChannels(out.channels);
  let tiles = 0;
  for (const slice of slices) {
    const part = { ...out, images: slice.images };
    const pixels = pixelsOf(part);
    const here: Vector = partials ? { address: partials.buffer, offset: tiles * 2 * partialStride } : ABSENT;
    ctx.emit(op, {
      ...fields,
      x: imagesOf(fields.x, slice, size),
      ...dropoutFields(undefined),
      y: map,
      partials: here,
      partialStride,
      pixels,
      tiles: tilesOf(pixels),
    });
    tiles += tilesOf(pixels);
    ctx.emit(op, {
      kind: 'pool',
      x: map,
      ...NO_PROLOGUE,
      max: true,
      gamma: op.gamma === undefined ? ABSENT : ctx.vector(op.gamma),
      y: imagesOf(ctx.view(m), slice, pooled),
      ...{ partials: ABSENT, partialStride: 0 },
      ...indexFields(ctx, op, index, slice, pooled),
      kernelHeight: op.pool.kernel[0],
      ...windowFields(op.pool),
      height: out.height,
      width: out.width,
      outWidth: pooled.width,
      outPixels: pooled.height * pooled.width,
      ...tileFields({ ...pooled, images: slice.images }),
    });
  }
}

export function lowerConv2dMaxPoolGradWeight(ctx: LoweringContext, op: Conv2dMaxPoolGradWeight): void {
  const { value, correction } = op.gradOutput;
  const [size, out, pooled] = [ctx.size(op.x), ctx.size(op.y), ctx.size(value)];
  const affine = correction && ctx.correction(op, correction);
  const slices = slicesOf(out);
  const fields = conv2dFields(ctx, op, op, { size, out });
  const map = sliceView(ctx, op, out, slices[0]!.images);
  const { x, scale, shift, relu } = fields;
  emitGradWeight(
    ctx,
    op,
    op,
    slices.map((slice) => {
      const part = { ...out, images: slice.images };
      const pixels = pixelsOf(part);
      const images = imagesOf(x, slice, size);
      return {
        ...{ x: images, scale, shift, relu, gradOutput: map },
        ...{ feature: ABSENT_VIEW, slope: ABSENT, intercept: ABSENT },
        size: { ...size, images: slice.images },
        out: part,
        before: () => {
          // The recomputed map, which is then overwritten by its gradient.
          if (affine) {
            const again = { ...dropoutFields(undefined), y: map, partials: ABSENT, partialStride: 0 };
            ctx.emit(op, { ...fields, x: images, ...again, pixels, tiles: tilesOf(pixels) });
          }
          ctx.emit(op, {
            kind: 'mapGradInput',
            gradOutput: imagesOf(ctx.view(value), slice, pooled),
            ...{ feature: ABSENT_VIEW, slope: ABSENT, intercept: ABSENT },
            x: map,
            ...NO_PROLOGUE,
            ...{ mean: ABSENT, sums: ABSENT, sumStride: 0 },
            gradient: map,
            accumulate: false,
            max: true,
            average: false,
            ownSlope: affine ? whole(affine.slope) : ABSENT,
            ownIntercept: affine ? whole(affine.intercept) : ABSENT,
            ...indexFields(ctx, op, op.index, slice, pooled),
            kernelHeight: op.pool.kernel[0],
            ...windowFields(op.pool),
            width: out.width,
            inPixels: out.height * out.width,
            outHeight: pooled.height,
            outWidth: pooled.width,
            ...tileFields(part),
          });
        },
      };
    }),
  );
}

const NO_PROLOGUE = { scale: ABSENT, shift: ABSENT, relu: false } as const;

/** The positions of the maxima of a slice: bytes, four to a word. */
function indexFields(
  ctx: LoweringContext,
  op: Conv2dMaxPool | Conv2dMaxPoolGradWeight,
  index: ValueId,
  { first }: Slice,
  pooled: Size,
) {
  const [height, width] = op.pool.kernel;
  if (height * width === 1 || !ctx.isRead(index)) return { index: ABSENT, indexStride: 0 };
  const { address, stride } = ctx.view(index);
  const indexStride = stride / 4;
  return { index: { address, offset: first * pooled.height * pooled.width * indexStride }, indexStride };
}
