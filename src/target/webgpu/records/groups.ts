/**
 * Type of a record's field:
 * - `Map`: channels of every pixel of a feature map; two words, the first element and the pixel stride;
 * - `Vector`: float32 numbers; `Index`: 32-bit words with four bytes each, one per channel; one word, the first
 * element;
 * - `u32`, `f32`: one word;
 * - `flag`: no word; a constant of the shader, so that a kernel without the feature does not pay for it.
 *
 * A map, vector or index may be absent: the constant `HAS_field` says so.
 */
export type FieldType = 'Map' | 'Vector' | 'Index' | 'u32' | 'f32' | 'flag';
export type Fields = Readonly<Record<string, FieldType>>;

/** A kernel: its WGSL files in kernels/webgpu, its fields, and the fields of each entry of its list. */
export interface KernelSpec {
  readonly sources: readonly string[];
  readonly fields: Fields;
  readonly entry?: Fields;
}

export const WINDOW = {
  kernelWidth: 'u32',
  strideHeight: 'u32',
  strideWidth: 'u32',
  paddingHeight: 'u32',
  paddingWidth: 'u32',
} as const;
/** relu?(scale·x + shift); without `scale`, x itself. */
export const PROLOGUE = { scale: 'Vector', shift: 'Vector', relu: 'flag' } as const;
/** gradient + slope·feature + intercept; without `slope`, the gradient itself. */
export const GRAD_OUTPUT = {
  gradOutput: 'Map',
  feature: 'Map',
  slope: 'Vector',
  intercept: 'Vector',
} as const;
/**
 * gradient = or += scale·dz; with `sums`, tile k writes Σdz and Σdz·(x − mean) to sums[k][2][sumStride].
 */
export const GRAD_INPUT = {
  x: 'Map',
  ...PROLOGUE,
  mean: 'Vector',
  gradient: 'Map',
  accumulate: 'flag',
  sums: 'Vector',
  sumStride: 'u32',
} as const;
export const DROPOUT = { dropout: 'flag', threshold: 'u32', stream: 'u32', keptScale: 'f32' } as const;
/** Statistics of the output: partials[tile][2][partialStride] = mean, M2 of its pixels. */
export const PARTIALS = { partials: 'Vector', partialStride: 'u32' } as const;
/** A product over `blocks` blocks of TILE_DEPTH terms; `perTap` terms belong to each tap of the window. */
export const PRODUCT = {
  tiles: 'u32',
  panels: 'u32',
  blocks: 'u32',
  perTap: 'u32',
  taps: 'u32',
} as const;
