import type { LiveInterval } from './liveness.ts';

/** Something that needs bytes for a while. */
export interface ArenaRequest<Id> {
  readonly id: Id;
  readonly bytes: number;
  readonly interval: LiveInterval;
}

export interface Arena<Id> {
  /** Byte offset of each request, a multiple of the alignment. */
  readonly offsets: ReadonlyMap<Id, number>;
  readonly bytes: number;
}

/** Addresses count units of this many bytes: a cache line, and the widest vector. */
export const ALIGNMENT_BYTES = 64;

/** Vector loads may run past a buffer's last channel by less than this. */
export const SLACK_BYTES = 64;

/**
 * Offsets such that requests whose lifetimes overlap never share a byte. Greedy by size: the largest first, each
 * into the tightest gap between those placed before it that live at the same time (Pisarchyk and Lee 2020).
 */
export function layOut<Id>(requests: readonly ArenaRequest<Id>[]): Arena<Id> {
  interface Block {
    readonly start: number;
    readonly end: number;
    readonly interval: LiveInterval;
  }
  const placed: Block[] = [];
  const offsets = new Map<Id, number>();
  const bySize = [...requests].sort((a, b) => b.bytes - a.bytes || a.interval.first - b.interval.first);
  for (const { id, bytes, interval } of bySize) {
    const size = aligned(bytes + SLACK_BYTES);
    const neighbours = placed
      .filter((block) => overlap(block.interval, interval))
      .sort((a, b) => a.start - b.start);
    let best: { readonly start: number; readonly gap: number } | undefined;
    let free = 0;
    for (const block of neighbours) {
      const gap = block.start - free;
      if (gap >= size && (best === undefined || gap < best.gap)) best = { start: free, gap };
      free = Math.max(free, block.end);
    }
    const start = best?.start ?? free;
    offsets.set(id, start);
    placed.push({ start, end: start + size, interval });
  }
  return { offsets, bytes: placed.reduce((most, { end }) => Math.max(most, end), 0) };
}

/** One after the other, in the order given: for what lives as long as the model. */
export function layOutInOrder<Id>(requests: readonly Omit<ArenaRequest<Id>, 'interval'>[]): Arena<Id> {
  const offsets = new Map<Id, number>();
  let bytes = 0;
  for (const request of requests) {
    offsets.set(request.id, bytes);
    bytes += aligned(request.bytes + SLACK_BYTES);
  }
  return { offsets, bytes };
}

function overlap(a: LiveInterval, b: LiveInterval): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
