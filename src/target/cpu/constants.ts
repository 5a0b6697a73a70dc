import { MAX_LEAVES } from '../../plan/batch-tree.ts';

/**
 * Every number and order that plans, engines and C++ kernels have to agree on. `tools/generate-header.ts` writes them,
 * and the records (records.ts), into kernels/base/interface.h: neither side has copies of its own.
 */
export const constants = {
  /** Addresses count units of this many bytes: a cache line, and the widest vector. */
  ALIGNMENT_BYTES: 64,
  /** Vector loads may run past a buffer's last channel by less than this. */
  SLACK_BYTES: 64,
  /** Bits of an address that count units; the others say which slab. */
  SLAB_BITS: 30,
  /** No address: a field that is absent. */
  NO_ADDRESS: 0xffff_ffff,
  /** Room for the control block: two cache lines, as processors fetch them in pairs. */
  CONTROL_BYTES: 128,
  /** Vectors over channels inside a partial sum are padded to a multiple of so many: whole cache lines. */
  CHANNEL_PADDING: 16,
  /** The widest block of outputs that any instruction set packs weights for. */
  PANEL_WIDTH: 32,
  /** Convolutions with fewer channels pad a filter's rows rather than its taps (kernels/conv/filter_runs.h). */
  FEW_CHANNELS: 16,
  /** A tile of bfloat16 numbers (AMX). Dot products are over a multiple of its depth; rows are read in groups of so many. */
  TILE_ROWS: 16,
  TILE_DEPTH: 32,
  /** Winograd: outputs along a side of a tile, F(4×4, 3×3), and its positions once transformed, 6×6. */
  WINOGRAD_TILE: 4,
  WINOGRAD_POSITIONS: 36,
  /** Packed pixels that would lie a multiple of this apart lie one cache line farther: they would share few cache sets. */
  PITCH_APART_BYTES: 1024,
  /** Sums of a tree over leaves that wait for their right neighbour: one of each height. */
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

/** Floats of a cache line, and of the widest vector. */
export const LINE_FLOATS = ALIGNMENT_BYTES / Float32Array.BYTES_PER_ELEMENT;

/** Words of the control block that the threads of an engine share, in order; all zero before a run. */
export const CONTROL_BLOCK = {
  /** Threads that wait at the barrier. */
  arrived: 1,
  /** Barriers passed. */
  generation: 1,
  /** The next chunk that nobody has taken: of the record that runs, and of the one after it, in turns. */
  nextChunk: 2,
  /** 1 + index of the first record that met NaN or infinity; 0: none. */
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

/** Slabs in the order in which an address numbers them. */
export const SLABS = ['persistent', 'transient', 'prepared'] as const;

/** Words before the fields of each record, in order. */
export const RECORD_HEADER = ['opCode', 'chunks', 'words'] as const;

/**
 * What a run is given besides counts: addresses, in this order. Native modules take them as offsets, with each thread's
 * scratch last; a thread of WebAssembly takes its own as arguments.
 */
export const RUN_ADDRESSES = [
  ...SLABS,
  'scalars',
  'control',
  'program',
  /** Where the first thread writes each record's milliseconds; absent: not wanted. */
  'durations',
  'scratch',
] as const;

/** Kernels that measure the machine (kernels/base/machine_peak.h), in the order of their numbers. */
export const PEAK_KERNELS = ['peakMultiplyAdd', 'peakRead', 'peakTriad'] as const;

/** What they are given by native engines: a kernel's number, the control block, then each thread's memory. */
export const PEAK_OFFSETS = ['kernel', 'control', 'memory'] as const;
