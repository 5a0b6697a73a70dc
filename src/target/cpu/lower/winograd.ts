import type { Conv2d, Conv2dGradInput, DropoutMask, ValueId, Window } from '../../../graph/op.ts';
import {
  CHANNEL_PADDING,
  LINE_FLOATS,
  PANEL_WIDTH,
  PITCH_APART_BYTES,
  WINOGRAD_POSITIONS,
  WINOGRAD_TILE,
} from '../constants.ts';
import type { BufferId, Size } from '../records.ts';
import { dropoutFields, type LoweringContext, MAX_CHUNKS, paddedChannels } from './context.ts';
import { epilogue } from './epilogue.ts';

/** With fewer channels the transforms cost more than they save. */
const LEAST_CHANNELS = 16;
/**
 * Least tiles of a map. With few tiles, the memory traffic is dominated by the transformed weights, which are four
 * times those of a direct convolution. Inference may have a batch of one image, so its limit is higher than in
 * training.
 */
const LEAST_TILES = { inference: 9, training: 4 };
/** Least tiles in a chunk: fewer are not worth a thread. */
const CHUNK_TILES = 9;
/** Floats for the transformed inputs and outputs of a strip's tiles: 256 KiB, in the L2 cache. */
const STRIP_FLOATS = 65_536;
/**
 * Least tiles in a strip. Each strip reads all weights: with so many channels that fewer tiles fit, weights dominate
 * the memory traffic.
 */
const LEAST_STRIP_TILES = 3;

/**
 * True if a convolution uses Winograd (kernels/conv/winograd.h), as then does its input gradient. This depends on the
 * map and the channels, not on the batch size: programs for any number of images, and recomputed ops, give the same
 * bits. The map must fill at least half of its tiles (6×6, not 5×5); otherwise as much work is wasted as is useful.
 */
export function isWinograd(
  ctx: LoweringContext,
  { kernel, stride, padding }: Window,
  size: Size,
  out: Size,
): boolean {
  const isThree = kernel.every((n) => n === 3) && [...stride, ...padding].every((n) => n === 1);
  const { height, width, channels } = size;
  const tiles = tilesOf(height, width);
  const least = LEAST_TILES[ctx.isTraining ? 'training' : 'inference'];
  const isWorthIt =
    tiles >= least && 2 * height * width >= tiles * WINOGRAD_TILE ** 2 && channels >= LEAST_CHANNELS;
  return ctx.usesWinograd && isThree && isWorthIt && stripRoom(channels, out.channels) >= LEAST_STRIP_TILES;
}

export function lowerWinograd(ctx: LoweringContext, op: Conv2d, dropout: DropoutMask | undefined): void {
  const [y] = op.outputs as [ValueId];
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const chunks = ctx.wantsStatistics.has(y) ? ctx.leavesOf(size) : chunksOfTiles(size);
  const stripTiles = strip(ctx, size, size.channels, out.channels, chunks);
  ctx.emit(op, {
    kind: 'winograd',
    chunks,
    x: ctx.view(op.x),
    in: size,
    prologue: ctx.prologue(op, op.prologue),
    ...epilogue(ctx, op, (scale) => transformWeights(ctx, op, size, out, false, scale)),
    dropout: dropoutFields(dropout),
    y: ctx.view(y),
    outChannels: out.channels,
    statistics: ctx.statisticsOf(op, y),
    stripTiles,
  });
}

export function lowerWinogradGradInput(ctx: LoweringContext, op: Conv2dGradInput): void {
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const chunks = op.prologue?.batchNorm ? ctx.leavesOf(size) : chunksOfTiles(size);
  const stripTiles = strip(ctx, size, out.channels, size.channels, chunks);
  const prologue = ctx.prologue(op, op.prologue);
  const gradOutput = ctx.gradOutput(op, op.gradOutput);
  const packed = transformWeights(ctx, op, size, out, true);
  const gradInput = ctx.gradInput(op);
  ctx.emit(op, {
    kind: 'winogradGradInput',
    chunks,
    gradOutput,
    outChannels: out.channels,
    packed,
    x: ctx.view(op.x),
    in: size,
    prologue,
    gradInput,
    stripTiles,
  });
  ctx.finalizeGradSums(op, gradInput.sums);
}

function transformWeights(
  ctx: LoweringContext,
  op: Conv2d | Conv2dGradInput,
  size: Size,
  out: Size,
  transposed: boolean,
  scale?: BufferId,
): BufferId {
  const [outputs, depth] = transposed ? [size.channels, out.channels] : [out.channels, size.channels];
  const panels = Math.ceil(outputs / PANEL_WIDTH) * PANEL_WIDTH;
  const name = transposed ? 'transposed weights' : 'weights';
  const packed = ctx.temporary(
    op,
    `transformed ${name}`,
    'packedWeights',
    WINOGRAD_POSITIONS * panels * depth,
  );
  ctx.emitOnce(op, [op.weight], [packed], {
    kind: 'winogradWeights',
    chunks: Math.min(MAX_CHUNKS, depth),
    weight: ctx.vector(op.weight),
    scale,
    packed,
    outChannels: out.channels,
    inChannels: size.channels,
    transposed: transposed ? 1 : 0,
  });
  return packed;
}

/** Chunks without a sum over images: images or, if there are few, their rows of tiles, with enough tiles in each. */
function chunksOfTiles({ images, height, width }: Size): number {
  const [high, wide] = [Math.ceil(height / WINOGRAD_TILE), Math.ceil(width / WINOGRAD_TILE)];
  const most = Math.min(MAX_CHUNKS, Math.ceil((images * high * wide) / CHUNK_TILES));
  const parts = Math.min(high, Math.floor(most / images));
  return parts > 1 ? parts * images : Math.min(most, images);
}

/** Tiles in a strip, with their transformed inputs and outputs in scratch. */
function strip(ctx: LoweringContext, size: Size, inputs: number, outputs: number, chunks: number): number {
  const tiles = Math.ceil((size.images * tilesOf(size.height, size.width)) / chunks);
  const stripTiles = Math.min(tiles, stripRoom(inputs, outputs));
  ctx.needScratch(WINOGRAD_POSITIONS * (stripFloats(stripTiles, inputs) + stripFloats(stripTiles, outputs)));
  return stripTiles;
}

/** Most tiles that fit in a strip. */
function stripRoom(inputs: number, outputs: number): number {
  return Math.floor(STRIP_FLOATS / (WINOGRAD_POSITIONS * (pitch(inputs) + pitch(outputs))));
}

function tilesOf(height: number, width: number): number {
  return Math.ceil(height / WINOGRAD_TILE) * Math.ceil(width / WINOGRAD_TILE);
}

/** Floats between tiles, and between the positions of a strip's tiles: the same rule as in the kernel. */
function pitch(channels: number): number {
  const padded = paddedChannels(channels);
  return padded % (PITCH_APART_BYTES / 4) === 0 ? padded + LINE_FLOATS : padded;
}

function stripFloats(tiles: number, channels: number): number {
  return (((tiles * pitch(channels)) / CHANNEL_PADDING) | 1) * CHANNEL_PADDING;
}
