/**
 * Every number that plans and C++ kernels have to agree on. `tools/generate-header.ts` writes these, and the records
 * (records.ts), into a header: kernels have no copies of their own.
 */
export const constants = {
  /** Addresses count units of this many bytes: a cache line, and the widest vector. */
  ALIGNMENT_BYTES: 64,
  /** Vector loads may run past a buffer's last channel by less than this. */
  SLACK_BYTES: 64,
  /** Bits of an address that count units; the others say which slab. */
  SLAB_BITS: 30,
  /** Vectors over channels inside a partial sum are padded to a multiple of so many: whole cache lines. */
  CHANNEL_PADDING: 16,
  /** Below so many channels taps are packed apart, and a filter's rows are padded (kernels/conv/filter_runs.h). */
  FEW_CHANNELS: 16,
  /** Dot products of bfloat16 numbers run over a multiple of so many (a tile's depth), of so many rows at a time. */
  PAIR_DEPTH: 32,
  PAIR_ROWS: 16,
  /** Positions of a Winograd tile of 4×4 outputs, transformed: 6×6. */
  WINOGRAD_POSITIONS: 36,
  /** Winograd tiles lie as far apart as their channels take; where that is a multiple of this, CHANNEL_PADDING more. */
  WINOGRAD_APART: 256,
} as const;

export const {
  ALIGNMENT_BYTES,
  SLACK_BYTES,
  SLAB_BITS,
  CHANNEL_PADDING,
  FEW_CHANNELS,
  PAIR_DEPTH,
  PAIR_ROWS,
  WINOGRAD_POSITIONS,
  WINOGRAD_APART,
} = constants;

/** Words of the control block that the threads of an engine share, in their order; all zero before a run. */
export const CONTROL_BLOCK = [
  /** Threads that wait at the barrier. */
  'arrived',
  /** Barriers passed. */
  'generation',
  /** Of the record that runs, and of the one after it: the next chunk that nobody has taken. */
  'nextChunk0',
  'nextChunk1',
  /** 1 + index of the first record that met NaN or infinity; 0: none. */
  'failedRecord',
] as const;

/** Words of a run's scalars, in their order. */
export const SCALARS = { learningRate: 'f32', step: 'f32', stepSeed: 'u32', firstImage: 'u32' } as const;

/** Slabs in the order in which an address numbers them. */
export const SLABS = ['persistent', 'transient', 'prepared'] as const;
