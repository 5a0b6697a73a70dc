/** Pixels of a workgroup, and so of a partial sum over pixels (kernels/webgpu/product.wgsl). */
export const TILE_PIXELS = 128;
/** Outputs of a workgroup: the width of a panel of packed weights. */
export const TILE_CHANNELS = 32;
/** Number of terms of a product in workgroup memory at a time. */
export const TILE_DEPTH = 16;
/** Invocations of every workgroup. */
export const WORKGROUP_SIZE = 64;
/** Alignment of a dynamic uniform offset, and of a buffer binding, in bytes. */
export const ALIGNMENT_BYTES = 256;
/** 32-bit words of a record in the uniform buffer. */
export const RECORD_WORDS = ALIGNMENT_BYTES / 4;
/** Vector loads may read past the last channel of a buffer by less than this. */
export const SLACK_BYTES = 16;
/** Default of `maxStorageBufferBindingSize`, which every adapter has. */
export const DEFAULT_BINDING_BYTES = 134_217_728;
/** Storage buffers of a kernel: the default limit is 8, of which the control block and, where a kernel has one, the list take two. */
export const MOST_SEGMENTS = 7;
/** Largest number of workgroups in one dimension: the default limit. */
export const MOST_WORKGROUPS = 65_535;
/** Value of `failedRecord` while no record has failed. */
export const NONE_FAILED = 0xffff_ffff;

/** Words of the control block, in order (kernels/webgpu/prelude.wgsl). */
export const CONTROL = {
  /** Index of the first record with NaN or infinity in its results. */
  failedRecord: 'u32',
  learningRate: 'f32',
  step: 'f32',
  stepSeed: 'u32',
  firstImage: 'u32',
  /** AdamW's bias corrections 1 − β^step, computed by the host in float64. */
  biasCorrection1: 'f32',
  biasCorrection2: 'f32',
} as const;
export const CONTROL_BYTES = ALIGNMENT_BYTES;
