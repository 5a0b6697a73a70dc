import type { LiveInterval } from './liveness.ts';

/** Something that needs bytes for a while. */
export interface ArenaRequest<Id> {
  readonly id: Id;
  readonly bytes: number;
  readonly interval: LiveInterval;
}

/** Where a request lies. */
export interface ArenaPlace {
  /** Of the arena's parts, from 0. */
  readonly part: number;
  /** In that part, in bytes: a multiple of the alignment. */
  readonly offset: number;
}

/** Places for requests, in one part or, where a target's buffers are too small for all, in several. */
export interface Arena<Id> {
  readonly places: ReadonlyMap<Id, ArenaPlace>;
  /** Size of each part. */
  readonly partBytes: readonly number[];
  /** Of all parts. */
  readonly bytes: number;
}

/** What an arena has to know of a target. */
export interface ArenaLimits {
  /** Every buffer begins at a multiple of it. */
  readonly alignmentBytes: number;
  /** Room behind each buffer, for kernels that read beyond its end. */
  readonly slackBytes: number;
  /** Of the largest single allocation; where a slab would be larger, it becomes several. */
  readonly maxBufferBytes: number;
}

/** One request alone is larger than a target's buffers. */
export class BufferTooLargeError extends Error {
  override readonly name = 'BufferTooLargeError';
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(`a buffer of ${bytes} bytes is needed, ${maxBytes} are the most here: use a smaller batch or size`);
    this.bytes = bytes;
  }
}

/**
 * Places such that requests whose lifetimes overlap never share a byte. Greedy by size: the largest first, each
 * into the tightest gap between those placed before it that live at the same time (Pisarchyk and Lee 2020), else behind
 * them, else in a new part.
 * @throws BufferTooLargeError
 */
export function layOut<Id>(requests: readonly ArenaRequest<Id>[], limits: ArenaLimits): Arena<Id> {
  const parts: Block[][] = [];
  const places = new Map<Id, ArenaPlace>();
  const bySize = [...requests].sort((a, b) => b.bytes - a.bytes || a.interval.first - b.interval.first);
  for (const { id, bytes, interval } of bySize) {
    const size = sizeOf(bytes, limits);
    const found = parts.map((blocks, part) => ({ part, ...roomIn(blocks, size, interval) }));
    const gaps = found.filter(({ gap }) => gap !== undefined).sort((a, b) => a.gap! - b.gap!);
    const behind = found.find(({ start }) => start + size <= limits.maxBufferBytes);
    const { part, start } = gaps[0] ?? behind ?? { part: parts.push([]) - 1, start: 0 };
    places.set(id, { part, offset: start });
    parts[part]!.push({ start, end: start + size, interval });
  }
  return arenaOf(
    places,
    parts.map((blocks) => blocks.reduce((most, { end }) => Math.max(most, end), 0)),
  );
}

/**
 * One after the other, in the order given: for what lives as long as the model.
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

/** The start of the tightest gap that has room, and its size; without such, the first byte that is free to the end. */
function roomIn(blocks: readonly Block[], size: number, interval: LiveInterval) {
  const neighbours = blocks
    .filter((block) => overlap(block.interval, interval))
    .sort((a, b) => a.start - b.start);
  let best: { readonly start: number; readonly gap: number } | undefined;
  let free = 0;
  for (const block of neighbours) {
    const gap = block.start - free;
    if (gap >= size && (best === undefined || gap < best.gap)) best = { start: free, gap };
    free = Math.max(free, block.end);
  }
  return best ?? { start: free, gap: undefined };
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
