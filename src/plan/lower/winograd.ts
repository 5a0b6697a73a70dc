import type { Conv2d, ValueId, Window } from '../../graph/op.ts';
import type { BufferId, Size } from '../records.ts';
import { type LoweringContext, MAX_CHUNKS, paddedChannels } from './context.ts';
import { epilogue } from './epilogue.ts';

/** Of a tile, transformed: 6×6. */
const POSITIONS = 36;
const TILE = 4;
/** On smaller maps tiles are few, and their weights, four times those of a direct convolution, are the traffic. */
const LEAST_TILES = 9;
/** With fewer channels the transforms are not worth it. */
const LEAST_CHANNELS = 16;
/** Inputs and outputs of a strip's tiles, transformed: 320 KiB, in the second cache. */
const STRIP_FLOATS = 81_920;
/** The widest block of outputs any instruction set packs weights for. */
const PANEL_WIDTH = 32;

/** True for a convolution whose inference is done by minimal filtering (kernels/conv/winograd.h). */
export function isWinograd({ kernel, stride, padding }: Window, { height, width, channels }: Size): boolean {
  const isThree = kernel.every((n) => n === 3) && [...stride, ...padding].every((n) => n === 1);
  return isThree && tilesOf(height, width) >= LEAST_TILES && channels >= LEAST_CHANNELS;
}

export function lowerWinograd(ctx: LoweringContext, op: Conv2d): void {
  const [y] = op.outputs as [ValueId];
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const tiles = size.images * tilesOf(size.height, size.width);
  const perTile = POSITIONS * (pitch(size.channels) + pitch(out.channels));
  const chunks = Math.min(MAX_CHUNKS, Math.ceil(tiles / LEAST_TILES));
  const stripTiles = Math.min(Math.ceil(tiles / chunks), Math.max(1, Math.floor(STRIP_FLOATS / perTile)));
  const strip = stripFloats(stripTiles, size.channels) + stripFloats(stripTiles, out.channels);
  ctx.needScratch(POSITIONS * (strip + pitch(size.channels)));
  ctx.emit(op.layer, {
    kind: 'winograd',
    chunks,
    x: ctx.view(op.x),
    in: size,
    prologue: ctx.prologue(op.layer, op.prologue),
    ...epilogue(ctx, op, (scale) => transformWeights(ctx, op, size, out, scale)),
    y: ctx.view(y),
    outChannels: out.channels,
    stripTiles,
  });
}

function transformWeights(
  ctx: LoweringContext,
  op: Conv2d,
  size: Size,
  out: Size,
  scale?: BufferId,
): BufferId {
  const panels = Math.ceil(out.channels / PANEL_WIDTH) * PANEL_WIDTH;
  const floats = POSITIONS * panels * size.channels;
  const packed = ctx.temporary(op.layer, 'transformed weights', 'packedWeights', floats);
  ctx.emitOnce(op.layer, [op.weight], [packed], {
    kind: 'winogradWeights',
    chunks: Math.min(MAX_CHUNKS, size.channels),
    weight: ctx.vector(op.weight),
    scale,
    packed,
    outChannels: out.channels,
    inChannels: size.channels,
  });
  return packed;
}

function tilesOf(height: number, width: number): number {
  return Math.ceil(height / TILE) * Math.ceil(width / TILE);
}

/** Floats from a tile to the next, and of a strip's tiles of one position: as the kernel has them. */
function pitch(channels: number): number {
  const padded = paddedChannels(channels);
  return padded % 256 === 0 ? padded + 16 : padded;
}

function stripFloats(tiles: number, channels: number): number {
  return (((tiles * pitch(channels)) / 16) | 1) * 16;
}
