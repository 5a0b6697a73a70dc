import type { Layer } from '../graph/layer.ts';
import type { Op, ValueId } from '../graph/op.ts';
import { assertNever } from '../tensor/assert-never.ts';

/** A buffer of a plan: becomes an address when the plan is encoded. */
export type BufferId = number & { readonly brand: 'BufferId' };

/**
 * What lies in a buffer: state or an input of this name; a value of the planned graph, the root of its storage, and the
 * op that makes it; or what kernels of an op need for themselves.
 */
export type Content =
  | { readonly kind: 'state' | 'input'; readonly name: string }
  | { readonly kind: 'result'; readonly value: ValueId; readonly op: Op }
  | { readonly kind: 'temporary'; readonly op: Op; readonly what: string };

/** Why a buffer is there. The last four are state: they lie in the persistent slab. */
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
 * - `poolIndex`: which position won in each window of a max pool;
 * - `partialSums`: of a weight gradient, or of a norm, one for each chunk of the work;
 * - `packedWeights`: in the order in which a kernel reads them;
 * - `statistics`: a batch's means and variances, the sums they come from, the coefficients and gradients made of them;
 * - `scalar`: losses, counts and norms.
 */
export type BufferRole = (typeof BUFFER_ROLES)[number];

/** What a buffer is for: of a gradient, `layer` is that whose result it is of; state and inputs have none but a name. */
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
 * `persistent` is laid out by the model alone and shared by its programs; `transient` is a program's own, for the time
 * of a run; `prepared` is what `Plan.prepare` makes of the state, for all runs until the state changes.
 */
export type Slab = 'persistent' | 'transient' | 'prepared';

/** Where a buffer lies. */
export interface PlacedBuffer {
  readonly id: BufferId;
  readonly slab: Slab;
  /** Of the slab's parts (`Arena.partBytes`), where it has several. */
  readonly part: number;
  /** In that part, in bytes. */
  readonly offset: number;
}

/** What messages and tables call a buffer. Nothing is found by it. */
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

/** Where a vector starts inside a buffer, in numbers. */
export interface Vector {
  readonly address: BufferId | undefined;
  readonly offset: number;
}

/**
 * Channels [offset, offset + C) of every pixel of a buffer of [N, H, W, stride]. `elementBytes` 4: float32, 2: bfloat16.
 * Offset and stride count numbers; images lie without a gap.
 */
export interface View {
  readonly address: BufferId | undefined;
  readonly offset: number;
  readonly stride: number;
  readonly elementBytes: number;
}

/** Of a feature map. */
export interface Size {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
