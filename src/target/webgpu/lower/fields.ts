import type { DropoutMask, Window } from '../../../graph/op.ts';
import type { BufferId, Size, Vector, View } from '../../../plan/buffers.ts';
import { belowRate } from '../../../tensor/random.ts';
import { TILE_CHANNELS, TILE_DEPTH, TILE_PIXELS } from '../constants.ts';

export const ABSENT: Vector = { address: undefined, offset: 0 };
export const ABSENT_VIEW: View = { address: undefined, offset: 0, stride: 0, elementBytes: 4 };

/** A buffer as a vector. */
export function whole(address: BufferId): Vector {
  return { address, offset: 0 };
}

/** Whole vec4. */
export function paddedChannels(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

export function pixelsOf({ images, height, width }: Size): number {
  return images * height * width;
}

export function tilesOf(pixels: number): number {
  return Math.ceil(pixels / TILE_PIXELS);
}

/** Workgroups over the pixels and channels of a map. */
export function tileFields(size: Size) {
  const pixels = pixelsOf(size);
  const panels = Math.ceil(size.channels / TILE_CHANNELS);
  return { pixels, channels: size.channels, tiles: tilesOf(pixels), panels };
}

/** The terms of a convolution's product over this many channels. */
export function productFields({ kernel }: Pick<Window, 'kernel'>, channels: number) {
  const taps = kernel[0] * kernel[1];
  const perTap = paddedChannels(channels);
  return { taps, perTap, blocks: Math.ceil((taps * perTap) / TILE_DEPTH) };
}

/** The dropout fields; without a mask nothing is dropped. */
export function dropoutFields(mask: DropoutMask | undefined) {
  if (!mask || mask.rate === 0) return { dropout: false, threshold: 0, stream: 0, keptScale: 1 };
  return {
    dropout: true,
    threshold: belowRate(mask.rate),
    stream: mask.stream,
    keptScale: 1 / (1 - mask.rate),
  };
}

export function windowFields({ kernel, stride, padding }: Window) {
  return {
    kernelWidth: kernel[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    paddingHeight: padding[0],
    paddingWidth: padding[1],
  };
}

/** Entries with `first`, the number of elements before each, and the total. */
export function numberedEntries<E extends { readonly first: number }>(
  list: readonly E[],
  count: (entry: E) => number,
): { readonly entries: readonly E[]; readonly total: number } {
  let total = 0;
  const entries = list.map((entry) => {
    const first = total;
    total += count(entry);
    return { ...entry, first };
  });
  return { entries, total };
}
