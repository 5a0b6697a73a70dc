import type { Layer } from '../graph/layer.ts';
import type { Op, ValueId } from '../graph/op.ts';
import { assertNever } from '../tensor/assert-never.ts';

/** A buffer of a plan; encoding the plan replaces it by an address. */
export type BufferId = number & { readonly brand: 'BufferId' };

/**
 * Content of a buffer: state or an input of this name; a value of the planned graph (the root of its storage) and the
 * op that computes it; or a temporary of an op's kernels.
 */
export type Content =
  | { readonly kind: 'state' | 'input'; readonly name: string }
  | { readonly kind: 'result'; readonly value: ValueId; readonly op: Op }
  | { readonly kind: 'temporary'; readonly op: Op; readonly what: string };

/** Purpose of a buffer. The last four roles are state: they are in the persistent slab. */
export const BUFFER_ROLES = [
  'input',
  'featureMap',
  'gradient',
  'poolIndex',
  'partialSums',
  'packedWeights',
  'statistics',
  'scalar',
  'parameter',
  'parameterGradient',
  'runningStatistics',
  'optimizer',
] as const;

/**
 * - `poolIndex`: position of the maximum in each window of a max pool;
 * - `partialSums`: of a weight gradient, or of a norm, one for each chunk of the work;
 * - `packedWeights`: in the order in which a kernel reads them;
 * - `statistics`: a batch's means and variances, the partial sums behind them, and the coefficients and gradients
 *   derived from them;
 * - `scalar`: losses, counts and norms.
 */
export type BufferRole = (typeof BUFFER_ROLES)[number];

/**
 * Purpose of a buffer: for a gradient, `layer` is the layer that computes the corresponding result; state and inputs
 * have only a name.
 */
export interface Purpose {
  readonly role: BufferRole;
  readonly layer: Layer;
}

/** A buffer before it has an address. */
export interface BufferSpec extends Purpose {
  readonly id: BufferId;
  readonly content: Content;
  readonly bytes: number;
}

/**
 * `persistent` depends only on the model and is shared by its programs; `transient` belongs to one program during a
 * run; `prepared` holds the results of `Plan.prepare`, for all runs until the state changes.
 */
export type Slab = 'persistent' | 'transient' | 'prepared';

/** The address of a buffer. */
export interface PlacedBuffer {
  readonly id: BufferId;
  readonly slab: Slab;
  /** Index of the slab's part (`Arena.partBytes`), where it has several. */
  readonly part: number;
  /** Offset in that part in bytes. */
  readonly offset: number;
}

/** The name of a buffer for messages and tables; not used for lookups. */
export function bufferName(content: Content): string {
  switch (content.kind) {
    case 'state':
    case 'input':
      return content.name;
    case 'result':
      return `${content.op.layer.label} ${content.op.kind}`;
    case 'temporary':
      return `${content.op.layer.label} ${content.what}`;
    default:
      return assertNever(content);
  }
}

/** A vector in a buffer; `offset` in elements. */
export interface Vector {
  readonly address: BufferId | undefined;
  readonly offset: number;
}

/**
 * Channels [offset, offset + C) of every pixel of a buffer of [N, H, W, stride]. `elementBytes` 4: float32, 2:
 * bfloat16. Offset and stride count elements; images are contiguous.
 */
export interface View {
  readonly address: BufferId | undefined;
  readonly offset: number;
  readonly stride: number;
  readonly elementBytes: number;
}

/** Size of a feature map. */
export interface Size {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
