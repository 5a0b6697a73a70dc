import type { LiveInterval } from './liveness.ts';

/** A buffer that needs bytes during an interval. */
export interface ArenaRequest<Id> {
  readonly id: Id;
  readonly bytes: number;
  readonly interval: LiveInterval;
}

/** The address assigned to a request. */
export interface ArenaPlace {
  /** Index of the arena's part, from 0. */
  readonly part: number;
  /** Offset in that part in bytes: a multiple of the alignment. */
  readonly offset: number;
}

/** Addresses for requests, in one part or, if a target's buffers are too small for all, in several. */
export interface Arena<Id> {
  readonly places: ReadonlyMap<Id, ArenaPlace>;
  /** Size of each part in bytes. */
  readonly partBytes: readonly number[];
  /** Total over all parts. */
  readonly bytes: number;
}

/** Limits of a target's buffers. */
export interface ArenaLimits {
  /** Every buffer starts at a multiple of this. */
  readonly alignmentBytes: number;
  /** Space after each buffer, for kernels that read past its end. */
  readonly slackBytes: number;
  /** Largest single allocation in bytes; a larger slab is split into several parts. */
  readonly maxBufferBytes: number;
}

/** A single request exceeds a target's largest buffer. */
export class BufferTooLargeError extends Error {
  override readonly name = 'BufferTooLargeError';
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(`a buffer of ${bytes} bytes is needed, the limit is ${maxBytes}: use a smaller batch or size`);
    this.bytes = bytes;
  }
}

/**
 * Assigns addresses such that requests with overlapping lifetimes never share a byte. Greedy by size: the largest
 * first, each into the tightest gap between already placed requests that are live at the same time (Pisarchyk and Lee
 * 2020), otherwise after them, otherwise in a new part.
 * @throws BufferTooLargeError
 */
export function layOut<Id>(requests: readonly ArenaRequest<Id>[], limits: ArenaLimits): Arena<Id> {
  const bySize = [...requests].sort((a, b) => b.bytes - a.bytes || a.interval.first - b.interval.first);
  const arena = layOutGreedily(bySize, limits);
  if (arena.partBytes.length <= 1) return arena;
  // Small buffers share the first part: a kernel can read from a few parts only.
  const isSmall = ({ bytes }: ArenaRequest<Id>) => bytes <= limits.maxBufferBytes / SMALL;
  return layOutGreedily([...bySize.filter(isSmall), ...bySize.filter((each) => !isSmall(each))], limits);
}

/** A buffer this many times smaller than the largest possible one is small. */
const SMALL = 64;

/** In the given order. */
function layOutGreedily<Id>(bySize: readonly ArenaRequest<Id>[], limits: ArenaLimits): Arena<Id> {
  const parts: Block[][] = [];
  const places = new Map<Id, ArenaPlace>();
  for (const { id, bytes, interval } of bySize) {
    const size = sizeOf(bytes, limits);
    const found = parts.map((blocks, part) => ({ part, ...roomIn(blocks, size, interval) }));
    const gaps = found.filter(({ gap }) => gap !== undefined).sort((a, b) => a.gap! - b.gap!);
    const behind = found.find(({ start }) => start + size <= limits.maxBufferBytes);
    const { part, start } = gaps[0] ?? behind ?? { part: parts.push([]) - 1, start: 0 };
    places.set(id, { part, offset: start });
    insert({ start, end: start + size, interval }, parts[part]!);
  }
  return arenaOf(
    places,
    parts.map((blocks) => blocks.reduce((most, { end }) => Math.max(most, end), 0)),
  );
}

/**
 * Assigns consecutive addresses in the given order, for buffers that live as long as the model.
 * @throws BufferTooLargeError
 */
export function layOutInOrder<Id>(
  requests: readonly Omit<ArenaRequest<Id>, 'interval'>[],
  limits: ArenaLimits,
): Arena<Id> {
  const places = new Map<Id, ArenaPlace>();
  const partBytes: number[] = [];
  for (const { id, bytes } of requests) {
    const size = sizeOf(bytes, limits);
    if (
      (partBytes.at(-1) ?? Number.POSITIVE_INFINITY) + size > limits.maxBufferBytes ||
      partBytes.length === 0
    ) {
      partBytes.push(0);
    }
    const part = partBytes.length - 1;
    places.set(id, { part, offset: partBytes[part]! });
    partBytes[part]! += size;
  }
  return arenaOf(places, partBytes);
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly interval: LiveInterval;
}

/** The start and size of the tightest gap with enough room; if there is none, the first byte after all blocks. */
function roomIn(blocks: readonly Block[], size: number, interval: LiveInterval) {
  let best: { readonly start: number; readonly gap: number } | undefined;
  let free = 0;
  for (const block of blocks) {
    if (!overlap(block.interval, interval)) continue;
    const gap = block.start - free;
    if (gap >= size && (best === undefined || gap < best.gap)) best = { start: free, gap };
    free = Math.max(free, block.end);
  }
  return best ?? { start: free, gap: undefined };
}

/** Keeps the blocks of a part in the order of their addresses. */
function insert(block: Block, blocks: Block[]): void {
  const behind = blocks.findLastIndex(({ start }) => start <= block.start);
  blocks.splice(behind + 1, 0, block);
}

function arenaOf<Id>(places: ReadonlyMap<Id, ArenaPlace>, partBytes: readonly number[]): Arena<Id> {
  return { places, partBytes, bytes: partBytes.reduce((sum, bytes) => sum + bytes, 0) };
}

function sizeOf(bytes: number, { alignmentBytes, slackBytes, maxBufferBytes }: ArenaLimits): number {
  const size = Math.ceil((bytes + slackBytes) / alignmentBytes) * alignmentBytes;
  if (size > maxBufferBytes) throw new BufferTooLargeError(size, maxBufferBytes);
  return size;
}

function overlap(a: LiveInterval, b: LiveInterval): boolean {
  return a.first <= b.last && b.first <= a.last;
}
