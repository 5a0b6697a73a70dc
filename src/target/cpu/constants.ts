import { MAX_LEAVES } from '../../plan/batch-tree.ts';

/**
 * Constants and field orders shared by plans, engines and C++ kernels. `tools/generate-header.ts` writes them, and
 * the records (records.ts), to kernels/base/interface.h: neither side has its own copies.
 */
export const constants = {
  /** Unit of addresses in bytes: a cache line, and the widest vector. */
  ALIGNMENT_BYTES: 64,
  /** Vector loads may read past a buffer's last channel by less than this. */
  SLACK_BYTES: 64,
  /** Low bits of an address, the offset in units of ALIGNMENT_BYTES; the other bits are the slab number. */
  SLAB_BITS: 30,
  /** The address of an absent field. */
  NO_ADDRESS: 0xffff_ffff,
  /** Size of the control block: two cache lines, because processors prefetch lines in pairs. */
  CONTROL_BYTES: 128,
  /** Vectors over channels in a partial sum are padded to a multiple of this: whole cache lines. */
  CHANNEL_PADDING: 16,
  /** The widest panel of outputs that weights are packed into, over all instruction sets. */
  PANEL_WIDTH: 32,
  /** Convolutions with fewer channels pad a filter's rows rather than its taps (kernels/conv/filter_runs.h). */
  FEW_CHANNELS: 16,
  /**
   * A bfloat16 tile (AMX). Dot products are padded to a multiple of TILE_DEPTH; rows are read in groups of TILE_ROWS.
   */
  TILE_ROWS: 16,
  TILE_DEPTH: 32,
  /** Winograd F(4×4, 3×3): outputs along a side of a tile, and positions of a transformed tile, 6×6. */
  WINOGRAD_TILE: 4,
  WINOGRAD_POSITIONS: 36,
  /**
   * If the pitch of packed pixels is a multiple of this, it is increased by one cache line, to avoid cache-set
   * conflicts.
   */
  PITCH_APART_BYTES: 1024,
  /** Pending sums of a tree over leaves: one per level. */
  LEAF_LEVELS: Math.log2(MAX_LEAVES) + 1,
} as const;

export const {
  ALIGNMENT_BYTES,
  SLACK_BYTES,
  SLAB_BITS,
  NO_ADDRESS,
  CONTROL_BYTES,
  CHANNEL_PADDING,
  PANEL_WIDTH,
  FEW_CHANNELS,
  TILE_ROWS,
  TILE_DEPTH,
  WINOGRAD_TILE,
  WINOGRAD_POSITIONS,
  PITCH_APART_BYTES,
} = constants;

/** Floats in a cache line, and in the widest vector. */
export const LINE_FLOATS = ALIGNMENT_BYTES / Float32Array.BYTES_PER_ELEMENT;

/** Words of the control block that the threads of an engine share, in order; all zero before a run. */
export const CONTROL_BLOCK = {
  /** Threads waiting at the barrier. */
  arrived: 1,
  /** Barriers passed. */
  generation: 1,
  /** The next unclaimed chunk, alternately of the current record and of the next one. */
  nextChunk: 2,
  /** 1 + index of the first record with NaN or infinity in its results; 0: none. */
  failedRecord: 1,
} as const;

export const CONTROL_WORDS = Object.values(CONTROL_BLOCK).reduce((sum: number, words) => sum + words, 0);

/** Index of a field of the control block, in words. */
export function controlWord(name: keyof typeof CONTROL_BLOCK): number {
  const entries = Object.entries(CONTROL_BLOCK);
  const before = entries.slice(
    0,
    entries.findIndex(([each]) => each === name),
  );
  return before.reduce((sum, [, words]) => sum + words, 0);
}

/** Words of a run's scalars, in order. */
export const SCALARS = { learningRate: 'f32', step: 'f32', stepSeed: 'u32', firstImage: 'u32' } as const;

/** Slabs in the order of their numbers in addresses. */
export const SLABS = ['persistent', 'transient', 'prepared'] as const;

/** Words before the fields of each record, in order. */
export const RECORD_HEADER = ['opCode', 'chunks', 'words'] as const;

/**
 * Addresses that a run receives, in this order. Native modules take them as offsets, with each thread's scratch last;
 * a WebAssembly thread takes its own scratch as an argument.
 */
export const RUN_ADDRESSES = [
  ...SLABS,
  'scalars',
  'control',
  'program',
  /** Where the first thread writes each record's milliseconds; absent: not measured. */
  'durations',
  'scratch',
] as const;

/** Kernels that measure the machine's peak rates (kernels/base/machine_peak.h), in the order of their numbers. */
export const PEAK_KERNELS = ['peakMultiplyAdd', 'peakRead', 'peakTriad'] as const;

/**
 * Offsets that native engines pass to these kernels: the kernel's number, the control block, then each thread's
 * memory.
 */
export const PEAK_OFFSETS = ['kernel', 'control', 'memory'] as const;
